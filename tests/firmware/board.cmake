# SPDX-License-Identifier: MIT
#
# Images for a bare board with two CPUs (board.h). A board's own board.cmake includes this, and sets
# before the first image:
#
#   NH_BOARD_DIR       the folder of board_port.h
#   NH_BOARD_SOURCES   sources of the board layer; console.c is added
#   NH_BOARD_FLAGS     for compiling and linking everything
#   NH_BOARD_SCRIPT    the linker script
#   NH_BOARD_LIBS      how the C library is linked
#   NH_BOARD_INCLUDES  more folders for the board layer
#
# It may define nh_board_finish(NAME) to do something with each image, and defines
#
#   nh_board_runs(NAME IMAGE image [IRQ_MEAN cycles] [SEEDS n ...] [SCHEDULES name ...])
#       tests NAME-... that run the image under several seeds, and whatever else this board can vary.
#       IRQ_MEAN and SCHEDULES are for those whose runner makes the interrupts and knows schedules.
#   nh_board_caught(NAME IMAGE image ATTEMPTS n [SCHEDULE name])
#       a test that runs a deliberately broken image under one seed after another until a run fails
#
# Here is
#
#   nh_board_image(NAME SOURCES file.c ...
#       [INCLUDE_DIRECTORIES dir ...] [DEFINITIONS X=1 ...] [COMPILE_OPTIONS opt ...]
#       [LINK_LIBRARIES target ...] [LINK_OPTIONS opt ...])
#   nh_board_library(NAME [OPTIONS NH_CPUS=1 ...] [INCLUDE_FIRST dir])
#       the library once more, with these options instead of the configured ones, or with headers of ours
#       in front of its own

find_program(NH_NODE NAMES node nodejs REQUIRED)
include(${CMAKE_CURRENT_LIST_DIR}/../variant.cmake)

set(NH_FIRMWARE_DIR ${CMAKE_CURRENT_LIST_DIR})

# The board layer, compiled once for all images.
function(nh_board__layer)
	if(TARGET nh_board)
		return()
	endif()
	add_library(nh_board OBJECT ${NH_BOARD_SOURCES} ${NH_FIRMWARE_DIR}/console.c)
	target_include_directories(nh_board PUBLIC ${NH_BOARD_DIR} ${NH_FIRMWARE_DIR} ${NH_BOARD_INCLUDES})
	target_compile_options(nh_board PRIVATE ${NH_BOARD_FLAGS}
		$<$<COMPILE_LANGUAGE:C>:-std=c11 -Os -g -ffunction-sections -fdata-sections
			-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror>)
endfunction()

function(nh_board_image name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" ""
		"SOURCES;INCLUDE_DIRECTORIES;DEFINITIONS;COMPILE_OPTIONS;LINK_LIBRARIES;LINK_OPTIONS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
		message(FATAL_ERROR "nh_board_image(${name}): SOURCES missing or unknown arguments "
			"'${arg_UNPARSED_ARGUMENTS}'")
	endif()
	nh_board__layer()
	add_executable(${name} ${arg_SOURCES} $<TARGET_OBJECTS:nh_board>)
	set_target_properties(${name} PROPERTIES SUFFIX .elf LINK_DEPENDS ${NH_BOARD_SCRIPT}
		C_STANDARD 11 C_STANDARD_REQUIRED ON)
	target_include_directories(${name} PRIVATE ${NH_BOARD_DIR} ${NH_FIRMWARE_DIR} ${arg_INCLUDE_DIRECTORIES})
	target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
	target_compile_options(${name} PRIVATE ${NH_BOARD_FLAGS} -g -ffunction-sections -fdata-sections
		${arg_COMPILE_OPTIONS})
	target_link_libraries(${name} PRIVATE ${arg_LINK_LIBRARIES})
	target_link_options(${name} PRIVATE ${NH_BOARD_FLAGS} -nostartfiles
		${NH_BOARD_LIBS} -T${NH_BOARD_SCRIPT}
		-Wl,--gc-sections -Wl,-Map=$<TARGET_FILE_DIR:${name}>/${name}.map
		${arg_LINK_OPTIONS})
	if(TARGET nh_observe) # what runs it needs
		add_dependencies(${name} nh_observe)
	endif()
	if(COMMAND nh_board_finish)
		nh_board_finish(${name})
	endif()
endfunction()

function(nh_board_library)
	nh_library_variant(${ARGV})
endfunction()
