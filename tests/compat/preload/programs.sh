#!/bin/sh
# SPDX-License-Identifier: MIT
# Real programs under libnearheap-preload.so: programs.sh settings|python|sqlite|compiler LIBRARY WORK_FOLDER
set -eu
part=$1 library=$2 work=$3
root=$(cd "$(dirname "$0")/../../.." && pwd)
rm -rf "$work"
mkdir -p "$work"
cd "$work"

fail() {
	echo "$part: $*" >&2
	exit 1
}

# What a build says about itself is no output of the program: only for the part that looks at it.
unset NEARHEAP_SIZE NEARHEAP_VERBOSE NEARHEAP_STATS
under() { LD_PRELOAD=$library "$@"; }

# says PATTERN VARIABLE=VALUE: what cat says on stderr has such a line, and cat does its work all the same.
says() {
	echo content >in
	env LD_PRELOAD="$library" "$2" cat in >out 2>err || fail "cat with $2 failed"
	cmp -s in out || fail "cat with $2 lost its output"
	grep -Eq "$1" err || fail "$2: no '$1' in: $(cat err)"
}
silent() {
	env LD_PRELOAD="$library" "$1" cat in >out 2>err || fail "cat with $1 failed"
	[ ! -s err ] || fail "$1: $(cat err)"
}

case $part in
settings)
	for bad in 12Q 1 1023K -5M 5MM '' ' 64M' 99999999999999999999 0x40000000 20000000T; do
		says "^nearheap: NEARHEAP_SIZE=$bad: not a size" "NEARHEAP_SIZE=$bad"
	done
	for good in 1M 1048576 64M 3G 1T; do silent "NEARHEAP_SIZE=$good"; done
	says '^nearheap: NEARHEAP_STATS=yes: 0 or 1' NEARHEAP_STATS=yes
	says '^nearheap: process [0-9]+: heap of [0-9]+ KiB in 1 regions: [0-9]+ live' NEARHEAP_STATS=1
	silent NEARHEAP_STATS=0
	silent NEARHEAP_VERBOSE=1
	# Little address space: the window is smaller, not missing.
	# shellcheck disable=SC3045
	(ulimit -v 300000 && silent A=B) || fail 'with little address space'
	# Growth, and the limit, said once.
	grow='import sys
blocks = []
try:
    while True: blocks.append(bytes(100000))
except MemoryError:
    count = len(blocks)
    blocks = None
    print(count)'
	NEARHEAP_SIZE=200M NEARHEAP_VERBOSE=1 PYTHONMALLOC=malloc under /usr/bin/python3 -c "$grow" >out 2>err ||
		fail "python at the limit: $(cat err)"
	[ "$(cat out)" -gt 1800 ] && [ "$(cat out)" -lt 2100 ] || fail "$(cat out) blocks of 100000 bytes in 200 MiB"
	grep -q '^nearheap: heap grows by 32768 to 65536 KiB' err || fail "growth: $(cat err)"
	[ "$(grep -c '^nearheap: no memory for [0-9]* bytes' err)" -eq 1 ] || fail "the limit: $(cat err)"
	;;
python)
	PYTHONMALLOC=malloc under /usr/bin/python3 -m test -q test_dict test_list test_json test_thread test_deque >log 2>&1 || fail "$(tail -n 20 log)"
	grep -q '^Result: SUCCESS\|^Tests result: SUCCESS' log || fail "$(tail -n 20 log)"
	;;
sqlite)
	cat >script <<-'END'
		pragma journal_mode=off;
		create table t(id integer primary key, k integer, v text);
		with recursive n(i) as (select 1 union all select i+1 from n where i < 60000)
		insert into t select i, (i * 7919) % 10007, printf('value %d', i) || hex(i * i) from n;
		create index by_k on t(k);
		select count(*), sum(k), max(length(v)) from t;
		select k, count(*), group_concat(v) from t where k < 20 group by k order by 2 desc, 1;
		select a.id, b.id from t a join t b on a.k = b.k and a.id < b.id where a.k between 50 and 60 order by 1, 2;
		delete from t where k % 3 = 0;
		select count(*), sum(id) from t;
		pragma integrity_check;
	END
	sqlite3 plain.db <script >plain
	under sqlite3 nearheap.db <script >nearheap || fail 'it failed'
	cmp plain nearheap || fail 'another answer'
	[ "$(tail -n 1 nearheap)" = ok ] || fail "$(tail -n 1 nearheap)"
	;;
compiler)
	{
		printf 'objects :='
		for source in "$root"/core/*.c; do printf ' %s.o' "$(basename "$source" .c)"; done
		printf '\nall: $(objects)\n'
		printf '%%.o: %s/core/%%.c\n' "$root"
		printf '\tgcc -std=c11 -O1 -DNH_PORT_HOST=1 -I%s -I%s/include -c -o $@ $<\n' "$root" "$root"
	} >Makefile
	mkdir plain nearheap
	(cd plain && make -s -j2 -f ../Makefile >log 2>&1) || fail "without it: $(cat plain/log)"
	(cd nearheap && under make -s -j2 -f ../Makefile >log 2>&1) || fail "$(cat nearheap/log)"
	[ ! -s nearheap/log ] || fail "$(cat nearheap/log)"
	for object in plain/*.o; do cmp "$object" "nearheap/$(basename "$object")" || fail 'another object'; done
	;;
*) fail 'no such part' ;;
esac
rm -rf "$work"
