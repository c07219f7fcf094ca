#!/usr/bin/env bash
# Builds the Pulumi CLI with its Python language host, and a Kubernetes control plane, from the Go modules named
# here, into .testbed/bin.
# The host's program is in no release of its module after v3.70.0, so it is a module of its own; the newer
# engine speaks to it, and the launcher script is the newer engine's.
set -euo pipefail
cd "$(dirname "$0")"
bin=$(cd .. && pwd)/.testbed/bin
if ! command -v go >/dev/null; then
  echo "make testbed needs Go 1.26 or newer on PATH; without it the tests of the engine and the cluster are skipped" >&2
  exit 1
fi
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly
mkdir -p "$bin"
pulumi=github.com/pulumi/pulumi
version=$(go list -m -f '{{.Version}}' $pulumi/pkg/v3)
echo "building Pulumi $version (two to six minutes, once)" >&2
go build -trimpath -o "$bin/pulumi" \
  -ldflags "-s -w -X $pulumi/sdk/v3/go/common/version.Version=$version" $pulumi/pkg/v3/cmd/pulumi
sdk=$(go list -m -f '{{.Dir}}' $pulumi/sdk/v3)
install -m 755 "$sdk/python/cmd/pulumi-language-python-exec" "$bin/"
(cd language-host && go build -trimpath -o "$bin/pulumi-language-python" -ldflags "-s -w" \
  $pulumi/sdk/v3/python/cmd/pulumi-language-python)

kubernetes=$(cd control-plane && go list -m -f '{{.Version}}' k8s.io/kubernetes)
echo "building a Kubernetes $kubernetes control plane (six to ten minutes, once)" >&2
flags="-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes"
for program in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
  (cd control-plane && go build -trimpath -o "$bin/$program" -ldflags "$flags" "k8s.io/kubernetes/cmd/$program")
done
(cd control-plane && go build -trimpath -o "$bin/etcd" -ldflags "-s -w" go.etcd.io/etcd/server/v3)
(cd kwok && go build -trimpath -o "$bin/kwok" -ldflags "-s -w" sigs.k8s.io/kwok/cmd/kwok)
stages=$(cd kwok && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
for stage in node/fast/node-initialize pod/fast/pod-ready pod/fast/pod-delete; do
  cat "$stages/$stage.yaml"
  echo ---
done >"$bin/kwok-stages.yaml"
