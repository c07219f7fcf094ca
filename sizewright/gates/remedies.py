"""Remedies of failed gates, by the beginning of the gate's name."""

REMEDIES = {
    "feasible": (
        "change what the reason names; `sizewright compare FILE` lists the types that meet every"
        " target"
    ),
    "one cluster": (
        "split the service over the number of clusters that `sizewright size FILE --verbose` names,"
        " each in a stack of its own, or choose an instance type with more GPUs"
    ),
    "node groups": (
        "let services share an instance type, or give some a stack and cluster of their own"
    ),
    "nodes per group": "choose an instance type with more GPUs, or add a zone to sizewright:zones",
    "sold": (
        "choose another hardware.instance_type, or zones that sell this one: `sizewright catalog"
        " instance-types TYPE` lists them"
    ),
    "elastic IPs": "request a higher quota, or use an existing network (sizewright:network)",
    "subnet addresses": (
        "state a wider sizewright:vpc_cidr before the first `up`, or use a network with larger"
        " subnets"
    ),
    "vCPU quota": "request a higher quota in the EC2 console of the region",
    "LCU reservation": "request a higher quota in the EC2 console of the region",
    "Kubernetes support": (
        "move to a version in standard support: `sizewright catalog pins` lists it, `sizewright"
        " update Pulumi.<stack>.yaml` records it"
    ),
    "GPU image release": (
        "record a newer release with `sizewright update Pulumi.<stack>.yaml`, or state it as"
        " sizewright:ami_release"
    ),
    "node updates": (
        "choose a type that loads the weights faster (more network bandwidth, local NVMe), or"
        " narrower weights (model.precision)"
    ),
    "checkpoint of": (
        "name the repository that holds this model in the planned precision (model.source.hub), or"
        " state the precision that it holds (model.precision)"
    ),
    "lock of": "run `sizewright update FILE --why`, which chooses again and writes the lock",
    "stack lock": "run `sizewright update Pulumi.<stack>.yaml`, which writes the lock",
    "pin ": "run the named command, and put its answer into Pulumi.<stack>.lock",
    "contradictions of": (
        "change what the contradiction names, or state under accept: why it holds for this service"
    ),
    "measured rate of": "state capacity.measured_on: the model and the GPU of the measurement",
    "served": "`sizewright size` shows its hardware, and why no engine of this version serves it",
    "flags of": (
        "pin a tag that sizewright/gates/data/engine_flags.json lists, or add the list of this one"
    ),
    "limits of": (
        "leave out sizewright:engine_image_repository and its digest, or name an image of the"
        " version that the message names"
    ),
    "EFA device plugin": "choose an instance type that the named chart knows",
    "cluster stays": (
        "put back the key that is named, as Pulumi.<stack>.lock records it, or make a new stack and"
        " move the services"
    ),
    "security group rules": (
        "name fewer, wider ranges in the key that the message names, or use a second stack"
    ),
    "build inputs": "add or correct the key that the message names in the stack file",
    "documents": (
        "report the document with its workload and stack files: the templates of this version are"
        " at fault"
    ),
    "resource graph": (
        "correct the input that the message names; where it names none, report it with the workload"
        " and stack files"
    ),
    "requirements": (
        "keep the add-on, chart or setting that is named; where the stack uses an existing cluster,"
        " provide it there and say so in sizewright:cluster"
    ),
    "public ingress": (
        "take access.public out of the workload, or give it what is named: token claims, a firewall"
        " and HTTPS alone"
    ),
}
"""Remedies that name a key, a file or a command."""


def remedy_of(gate: str) -> str | None:
    """The remedy of the gate with this name; None where there is none."""
    return next((text for name, text in REMEDIES.items() if gate.startswith(name)), None)
