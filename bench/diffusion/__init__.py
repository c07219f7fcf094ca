"""Parts of `bench/diffusion_steps.py`: what is built, what goes in, how it is timed."""
