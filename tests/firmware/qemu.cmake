# SPDX-License-Identifier: MIT
#
# Boards that QEMU plays. A board.cmake includes this after board.cmake, and sets
#
#   NH_BOARD_MACHINE   a name of machines.mjs
#
# Here are nh_board_runs(), nh_board_caught() and NH_BOARD_RUN, the command that runs an image: its name and options follow.

set(NH_BOARD_JITTER 16 CACHE STRING "One instruction in this many is followed by a pause")

# The plugin runs in QEMU, so it is the host's.
find_program(NH_HOST_CC NAMES cc gcc clang REQUIRED)
set(nh_observe ${CMAKE_BINARY_DIR}/libobserve.so)
set(nh_plugin ${NH_FIRMWARE_DIR}/plugin)
add_custom_command(OUTPUT ${nh_observe}
	COMMAND ${NH_HOST_CC} -std=c11 -D_GNU_SOURCE -O2 -fPIC -shared -fvisibility=hidden
		-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror
		${nh_plugin}/observe.c -o ${nh_observe}
	DEPENDS ${nh_plugin}/observe.c ${nh_plugin}/qemu_plugin.h
	VERBATIM)
add_custom_target(nh_observe ALL DEPENDS ${nh_observe})

set(NH_BOARD_RUN ${NH_NODE} ${NH_FIRMWARE_DIR}/qemu.mjs ${NH_BOARD_MACHINE} --plugin ${nh_observe})

# A run ends far below the time-out; both CPUs need a processor, or one waits for the other's time slice.
function(nh_board_runs name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "IMAGE;IRQ_MEAN" "SEEDS;SCHEDULES")
	if(NOT arg_SEEDS)
		set(arg_SEEDS 1 2 3)
	endif()
	foreach(seed IN LISTS arg_SEEDS)
		add_test(NAME ${name}-${seed}
		         COMMAND ${NH_BOARD_RUN} $<TARGET_FILE:${arg_IMAGE}> --quiet --jitter ${NH_BOARD_JITTER}
		                 --seed ${seed} --timeout 120)
		set_tests_properties(${name}-${seed} PROPERTIES LABELS firmware TIMEOUT 150 PROCESSORS 2)
	endforeach()
endfunction()

# A broken image may also hang: what an intact one needs is over long before the time-out.
function(nh_board_caught name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "IMAGE;ATTEMPTS;SCHEDULE" "")
	add_test(NAME ${name}
	         COMMAND ${NH_NODE} ${NH_FIRMWARE_DIR}/until_caught.mjs ${arg_ATTEMPTS}
	                 ${NH_BOARD_RUN} $<TARGET_FILE:${arg_IMAGE}>
	                 --quiet --jitter ${NH_BOARD_JITTER} --timeout 20 --seed SEED)
	set_tests_properties(${name} PROPERTIES LABELS firmware TIMEOUT 300 PROCESSORS 2)
endfunction()
