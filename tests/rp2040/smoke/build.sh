#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What board.cmake does, by hand: builds the smoke image into the directory given.
set -eu
out=${1:?usage: build.sh OUTPUT_DIRECTORY}
here=$(cd "$(dirname "$0")" && pwd)
board=$here/../board
firmware=$here/../../firmware
cc=arm-none-eabi-gcc
cpu="-mcpu=cortex-m0plus -mthumb"
mkdir -p "$out"

# The second-stage loader, linked on its own, padded and checksummed.
$cc $cpu -nostdlib -nostartfiles -Wl,-Ttext=0x20041f00 -Wl,-e,boot2 -Wl,--build-id=none \
	"$board/boot2.S" -o "$out/boot2.elf"
arm-none-eabi-objcopy -O binary -j .text "$out/boot2.elf" "$out/boot2.bin"
node "$board/boot2_checksum.mjs" "$out/boot2.bin" "$out/boot2_padded.S"

$cc $cpu -std=c11 -Os -g -ffunction-sections -fdata-sections \
	-Wall -Wextra -Wpedantic -Wconversion -Werror \
	-nostartfiles --specs=nano.specs --specs=nosys.specs -L"$here/../../../arch/rp2040" -T"$board/rp2040.ld" \
	-Wl,--gc-sections -I"$board" -I"$firmware" \
	"$here/main.c" "$board"/*.c "$firmware/console.c" "$out/boot2_padded.S" -o "$out/smoke.elf"
node "$board/uf2.mjs" "$out/smoke.elf" "$out/smoke.uf2"
node "$here/../emu/check_boot2.mjs" "$out/smoke.elf"
