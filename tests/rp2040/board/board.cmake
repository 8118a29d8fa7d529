# SPDX-License-Identifier: MIT
#
# Bare-metal images for the RP2040. Include it in a project configured with arm-none-eabi.cmake, then
# use nh_board_image() and nh_board_runs() (see tests/firmware/board.cmake), or
#
#   nh_rp2040_test(NAME IMAGE image [ARGS --schedule burst --seed 7 ...])
#
# An image becomes NAME.elf and NAME.uf2, a test runs it on the emulator (which needs `npm ci` once in
# tests/rp2040/emu). Bank sizes are chosen with LINK_OPTIONS -Wl,--defsym=__nh_local0_size=65536.

include(${CMAKE_CURRENT_LIST_DIR}/../../firmware/board.cmake)

set(NH_RP2040_DIR ${CMAKE_CURRENT_LIST_DIR}/..)
set(NH_BOARD_DIR ${CMAKE_CURRENT_LIST_DIR})
set(NH_BOARD_FLAGS -mcpu=cortex-m0plus -mthumb)
set(NH_BOARD_SCRIPT ${NH_BOARD_DIR}/rp2040.ld)
set(NH_BOARD_LIBS --specs=nano.specs --specs=nosys.specs -L${NH_RP2040_DIR}/../../arch/rp2040) # regions.ld
set(nh_rp2040_padded ${CMAKE_BINARY_DIR}/nh_rp2040/boot2_padded.S)
set(NH_BOARD_SOURCES
    ${NH_BOARD_DIR}/startup.c
    ${NH_BOARD_DIR}/board.c
    ${NH_BOARD_DIR}/uart.c
    ${NH_BOARD_DIR}/mailbox.c
    ${NH_BOARD_DIR}/irq.c
    ${NH_BOARD_DIR}/memory.c
    ${nh_rp2040_padded})

set(NH_BOARD_RUN ${NH_NODE} ${NH_RP2040_DIR}/emu/run.mjs)

# The second-stage loader: linked on its own, checksummed, wrapped for the images.
function(nh_rp2040__boot2)
	set(dir ${CMAKE_BINARY_DIR}/nh_rp2040)
	set(elf ${dir}/boot2.elf)
	set(bin ${dir}/boot2.bin)
	file(MAKE_DIRECTORY ${dir})
	add_custom_command(OUTPUT ${nh_rp2040_padded}
		COMMAND ${CMAKE_C_COMPILER} ${NH_BOARD_FLAGS} -nostdlib -nostartfiles
			-Wl,-Ttext=0x20041f00 -Wl,-e,boot2 -Wl,--build-id=none
			${NH_BOARD_DIR}/boot2.S -o ${elf}
		COMMAND ${CMAKE_OBJCOPY} -O binary -j .text ${elf} ${bin}
		COMMAND ${NH_NODE} ${NH_BOARD_DIR}/boot2_checksum.mjs ${bin} ${nh_rp2040_padded}
		DEPENDS ${NH_BOARD_DIR}/boot2.S ${NH_BOARD_DIR}/boot2_checksum.mjs ${NH_BOARD_DIR}/crc.mjs
		VERBATIM)
	add_custom_target(nh_rp2040_boot2_padded DEPENDS ${nh_rp2040_padded})
endfunction()
nh_rp2040__boot2()

function(nh_board_finish name)
	# A generated source is known as such in the directory that generates it only.
	set_source_files_properties(${nh_rp2040_padded} TARGET_DIRECTORY nh_board PROPERTIES GENERATED TRUE)
	add_dependencies(nh_board nh_rp2040_boot2_padded)
	add_custom_command(TARGET ${name} POST_BUILD
		COMMAND ${NH_NODE} ${NH_BOARD_DIR}/uf2.mjs $<TARGET_FILE:${name}>
			$<TARGET_FILE_DIR:${name}>/${name}.uf2
		VERBATIM)
endfunction()

function(nh_rp2040_test name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "IMAGE" "ARGS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_IMAGE)
		message(FATAL_ERROR "nh_rp2040_test(${name}): IMAGE missing or unknown arguments "
			"'${arg_UNPARSED_ARGUMENTS}'")
	endif()
	add_test(NAME ${name}
		COMMAND ${NH_BOARD_RUN} $<TARGET_FILE:${arg_IMAGE}> ${arg_ARGS})
	set_tests_properties(${name} PROPERTIES LABELS firmware TIMEOUT 300)
endfunction()

# Strict alternation hides races: coins per instruction and bursts, several seeds each. A failing run
# prints the command that repeats it.
function(nh_board_runs name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "IMAGE;IRQ_MEAN" "SEEDS;SCHEDULES")
	if(NOT arg_SEEDS)
		set(arg_SEEDS 1 2 3)
	endif()
	if(NOT arg_IRQ_MEAN)
		set(arg_IRQ_MEAN 0)
	endif()
	if(NOT arg_SCHEDULES)
		set(arg_SCHEDULES random burst)
	endif()
	foreach(schedule IN LISTS arg_SCHEDULES)
		foreach(seed IN LISTS arg_SEEDS)
			nh_rp2040_test(${name}-${schedule}-${seed} IMAGE ${arg_IMAGE}
			               ARGS --quiet --schedule ${schedule} --seed ${seed} --irq-mean ${arg_IRQ_MEAN})
		endforeach()
	endforeach()
endfunction()

function(nh_board_caught name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "IMAGE;ATTEMPTS;SCHEDULE" "")
	if(NOT arg_SCHEDULE)
		set(arg_SCHEDULE random)
	endif()
	add_test(NAME ${name}
	         COMMAND ${NH_NODE} ${NH_FIRMWARE_DIR}/until_caught.mjs ${arg_ATTEMPTS}
	                 ${NH_BOARD_RUN} $<TARGET_FILE:${arg_IMAGE}>
	                 --quiet --schedule ${arg_SCHEDULE} --irq-mean 6000 --max-steps 200000000 --seed SEED)
	set_tests_properties(${name} PROPERTIES LABELS firmware TIMEOUT 300)
endfunction()
