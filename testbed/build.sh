#!/usr/bin/env bash
# Builds the Pulumi CLI and its Python language host, from the Go modules named here, into .testbed/bin.
# The host's program is in no release of its module after v3.70.0, so it is a module of its own; the newer
# engine speaks to it, and the launcher script is the newer engine's.
set -euo pipefail
cd "$(dirname "$0")"
bin=$(cd .. && pwd)/.testbed/bin
if ! command -v go >/dev/null; then
  echo "make testbed needs Go 1.25 or newer on PATH; without it the tests of the real engine are skipped" >&2
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
