#!/bin/sh
# SPDX-License-Identifier: MIT
# table.sh DOC [--write] NONE BASIC MODERATE FULL EXTREME
# The table of docs/HARDENING.md from what the fault programs of each level say of themselves; compares, or writes it.
set -eu
doc=$1
shift
write=no
if [ "$1" = --write ]; then
	write=yes
	shift
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for program in "$@"; do
	"$program" --table >"$work/$(basename "$program")"
done
{
	echo '| fault | NONE | BASIC | MODERATE | FULL | EXTREME |'
	echo '| --- | --- | --- | --- | --- | --- |'
	cd "$work"
	paste faults_none faults_basic faults_moderate faults_full faults_extreme |
		awk -F '\t' '{ printf "| %s | %s | %s | %s | %s | %s |\n", $1, $2, $4, $6, $8, $10 }'
	cd "$OLDPWD"
} >"$work/table"
if [ $write = yes ]; then
	awk -v table="$work/table" '
		/^<!-- end of faults -->/ { skip = 0 }
		!skip { print }
		/^<!-- faults/ { while ((getline line < table) > 0) print line; skip = 1 }
	' "$doc" >"$work/doc"
	cp "$work/doc" "$doc"
else
	sed -n '/^<!-- faults/,/^<!-- end of faults/p' "$doc" | sed '1d;$d' >"$work/there"
	diff -u "$work/there" "$work/table" && echo "$(($(wc -l <"$work/table") - 2)) faults, five levels"
fi
