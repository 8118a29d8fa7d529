# SPDX-License-Identifier: MIT
#
# Bare-metal images for the RP2040. Include it in a project configured with
# arm-none-eabi.cmake, then:
#
#   nh_rp2040_image(NAME
#       SOURCES file.c ...
#       [INCLUDE_DIRECTORIES dir ...] [DEFINITIONS X=1 ...] [COMPILE_OPTIONS opt ...]
#       [LINK_LIBRARIES target ...] [LINK_OPTIONS -Wl,--defsym=__nh_local0_size=65536 ...])
#
#   nh_rp2040_test(NAME IMAGE image [ARGS --schedule burst --seed 7 ...])
#
# The first makes NAME.elf and NAME.uf2, the second a ctest that runs it on the
# emulator (which needs `npm ci` once in tests/rp2040/emu).

set(NH_RP2040_DIR ${CMAKE_CURRENT_LIST_DIR}/..)
set(NH_RP2040_BOARD ${NH_RP2040_DIR}/board)
set(NH_RP2040_CPU -mcpu=cortex-m0plus -mthumb)

find_program(NH_NODE NAMES node nodejs REQUIRED)

# The second-stage loader: linked on its own, checksummed, wrapped for the images.
function(nh_rp2040__boot2)
	if(TARGET nh_rp2040_boot2_padded)
		return()
	endif()
	set(dir ${CMAKE_BINARY_DIR}/nh_rp2040)
	set(elf ${dir}/boot2.elf)
	set(bin ${dir}/boot2.bin)
	set(padded ${dir}/boot2_padded.S)
	file(MAKE_DIRECTORY ${dir})
	add_custom_command(OUTPUT ${padded}
		COMMAND ${CMAKE_C_COMPILER} ${NH_RP2040_CPU} -nostdlib -nostartfiles
			-Wl,-Ttext=0x20041f00 -Wl,-e,boot2 -Wl,--build-id=none
			${NH_RP2040_BOARD}/boot2.S -o ${elf}
		COMMAND ${CMAKE_OBJCOPY} -O binary -j .text ${elf} ${bin}
		COMMAND ${NH_NODE} ${NH_RP2040_BOARD}/boot2_checksum.mjs ${bin} ${padded}
		DEPENDS ${NH_RP2040_BOARD}/boot2.S ${NH_RP2040_BOARD}/boot2_checksum.mjs
			${NH_RP2040_BOARD}/crc.mjs
		VERBATIM)
	add_custom_target(nh_rp2040_boot2_padded DEPENDS ${padded})
endfunction()

# The board layer, compiled once for all images.
function(nh_rp2040__board)
	if(TARGET nh_rp2040_board)
		return()
	endif()
	nh_rp2040__boot2()
	set(padded ${CMAKE_BINARY_DIR}/nh_rp2040/boot2_padded.S)
	set_source_files_properties(${padded} PROPERTIES GENERATED TRUE)
	add_library(nh_rp2040_board OBJECT
		${NH_RP2040_BOARD}/startup.c
		${NH_RP2040_BOARD}/board.c
		${NH_RP2040_BOARD}/board_console.c
		${NH_RP2040_BOARD}/board_core1.c
		${NH_RP2040_BOARD}/board_irq.c
		${padded})
	add_dependencies(nh_rp2040_board nh_rp2040_boot2_padded)
	target_include_directories(nh_rp2040_board PUBLIC ${NH_RP2040_BOARD})
	target_compile_options(nh_rp2040_board PRIVATE ${NH_RP2040_CPU}
		$<$<COMPILE_LANGUAGE:C>:-std=c11 -Os -g -ffunction-sections -fdata-sections
			-Wall -Wextra -Wpedantic -Wconversion -Werror>)
endfunction()

function(nh_rp2040_image name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" ""
		"SOURCES;INCLUDE_DIRECTORIES;DEFINITIONS;COMPILE_OPTIONS;LINK_LIBRARIES;LINK_OPTIONS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
		message(FATAL_ERROR "nh_rp2040_image(${name}): SOURCES missing or unknown arguments "
			"'${arg_UNPARSED_ARGUMENTS}'")
	endif()
	nh_rp2040__board()
	add_executable(${name} ${arg_SOURCES} $<TARGET_OBJECTS:nh_rp2040_board>)
	set_target_properties(${name} PROPERTIES SUFFIX .elf
		LINK_DEPENDS ${NH_RP2040_BOARD}/rp2040.ld)
	target_include_directories(${name} PRIVATE ${NH_RP2040_BOARD} ${arg_INCLUDE_DIRECTORIES})
	target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
	target_compile_options(${name} PRIVATE ${NH_RP2040_CPU} -g -ffunction-sections -fdata-sections
		${arg_COMPILE_OPTIONS})
	target_link_libraries(${name} PRIVATE ${arg_LINK_LIBRARIES})
	target_link_options(${name} PRIVATE ${NH_RP2040_CPU} -nostartfiles
		--specs=nano.specs --specs=nosys.specs -T${NH_RP2040_BOARD}/rp2040.ld
		-Wl,--gc-sections -Wl,-Map=$<TARGET_FILE_DIR:${name}>/${name}.map
		${arg_LINK_OPTIONS})
	add_custom_command(TARGET ${name} POST_BUILD
		COMMAND ${NH_NODE} ${NH_RP2040_BOARD}/uf2.mjs $<TARGET_FILE:${name}>
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
		COMMAND ${NH_NODE} ${NH_RP2040_DIR}/emu/run.mjs $<TARGET_FILE:${arg_IMAGE}> ${arg_ARGS})
endfunction()
