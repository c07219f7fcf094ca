"""Kubeconfig by which Kubernetes objects reach a cluster."""

import pulumi


def kubeconfig(
    name: pulumi.Input[str],
    endpoint: pulumi.Input[str],
    certificate_authority: pulumi.Input[str],
    region: str,
) -> pulumi.Output[str]:
    """Return the kubeconfig; each call takes its credentials from the caller's AWS identity."""
    token = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", name, "--region", region],
    }
    cluster = {"server": endpoint, "certificate-authority-data": certificate_authority}
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "eks", "cluster": cluster}],
            "users": [{"name": "aws", "user": {"exec": token}}],
            "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "aws"}}],
            "current-context": "eks",
        }
    )
