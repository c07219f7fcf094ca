#!/usr/bin/env bash
# Prints the comment: FILES (one a line) on SITE, against revision BASE.
set -euo pipefail
git cat-file -e "$BASE^{commit}" 2>/dev/null || git fetch --quiet --depth=1 origin -- "$BASE"
files=()
while IFS= read -r line; do
  if [[ -n ${line//[[:space:]]/} ]]; then files+=("$line"); fi
done <<<"$FILES"
code=0
"$(dirname "$0")/../.venv/bin/sizewright" diff --markdown --rev="$BASE" --site="$SITE" -- "${files[@]}" || code=$?
# Infeasible and incomplete are answers for a reviewer too.
case $code in 0 | 5 | 6) exit 0 ;; *) exit "$code" ;; esac
