#!/bin/sh
# SPDX-License-Identifier: MIT
# An image that must end badly:  ends.sh TEXT COMMAND...
# COMMAND is tests/firmware/qemu.mjs and must say that the image failed (1), which is not that it hung or could
# not be run; its output must contain TEXT (a basic regular expression).

set -u
text=$1
shift
output=$("$@" 2>&1)
status=$?
printf '%s\n' "$output"
[ $status -eq 1 ] || { echo "status $status"; exit 1; }
printf '%s\n' "$output" | grep -q -- "$text" || { echo "does not say: $text"; exit 1; }
