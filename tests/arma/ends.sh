#!/bin/sh
# SPDX-License-Identifier: MIT
# An image that must end badly:  ends.sh TEXT COMMAND...
# The command must fail by itself, and its output contain TEXT (a basic regular expression).

set -u
text=$1
shift
output=$(timeout 30 "$@" 2>&1)
status=$?
printf '%s\n' "$output"
[ $status -ne 0 ] || { echo "ended well"; exit 1; }
[ $status -ne 124 ] || { echo "did not end"; exit 1; }
printf '%s\n' "$output" | grep -q -- "$text" || { echo "does not say: $text"; exit 1; }
