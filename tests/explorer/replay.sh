#!/bin/sh
# SPDX-License-Identifier: MIT
# replay.sh MUTANT SEARCH-OPTION...
# A failure that a search finds is printed as a trace, and the command that it ends with finds the same one, in one run. The same
# seed finds the same.
set -eu
program=$1
shift

die() {
	printf 'replay: %s\n%s\n' "$1" "$2" >&2
	exit 1
}

found=$("$program" "$@") && die 'nothing was found' "$found"
again=$("$program" "$@") && die 'nothing was found the second time' "$again"
trace() { printf '%s\n' "$1" | sed -n '/^ *[0-9][0-9]* t[0-9]/p'; }
failure() { printf '%s\n' "$1" | sed -n 's/^ *[a-z0-9-]*: run [0-9]*: //p'; }
[ "$(trace "$found")" = "$(trace "$again")" ] || die 'the same search found something else' "$again"
[ -n "$(failure "$found")" ] || die 'it does not say what failed' "$found"
# step, thread, CPU, operation, location, value, order, function, file and line
trace "$found" | grep -Eq '^ *[0-9]+ t[0-9] cpu[0-9] (load|store|compare) .*[0-9a-f]+  (relaxed|acquire|release|seq_cst).* nh_[a-z_]+ [a-z_/0-9]+\.[ch]:[0-9]+$' ||
	die 'a trace without functions and lines' "$found"
command=$(printf '%s\n' "$found" | sed -n 's/^again: [^ ]* //p')
[ -n "$command" ] || die 'no command to repeat it' "$found"
# shellcheck disable=SC2086
replayed=$("$program" $command) && die "not repeated by $command" "$replayed"
[ "$(failure "$found")" = "$(failure "$replayed")" ] || die "something else is repeated by $command" "$replayed"
printf '%s\n' "$replayed" | grep -q ' 1 runs ' || die 'more than one run' "$replayed"
echo "$command: $(failure "$found")"
