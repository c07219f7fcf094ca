"""What stays as it is until somebody moves it: locks of workloads, stacks and clusters."""
