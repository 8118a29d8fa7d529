# SPDX-License-Identifier: MIT
# Programs of a fuzzer, and targets.txt, which tests/fuzz/fuzz.mjs reads: a line "TARGET PROGRAM CORPUS LONGEST RUNS" each, RUNS for
# `./run test`.

if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
	message(FATAL_ERROR "NH_FUZZ: clang has libFuzzer, and afl-clang-fast stands in for it")
endif()

set(fuzz_flags -fsanitize=fuzzer-no-link -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION=1)
set(targets "")
add_custom_target(fuzzers)

# fuzz_program(TARGET CORPUS LONGEST RUNS file... LIBRARIES target...)
function(fuzz_program target corpus longest runs)
	cmake_parse_arguments(PARSE_ARGV 4 arg "" "" "LIBRARIES")
	set(program fuzz_${target})
	add_executable(${program} ${arg_UNPARSED_ARGUMENTS})
	add_dependencies(fuzzers ${program})
	target_compile_options(${program} PRIVATE ${fuzz_flags})
	target_include_directories(${program} PRIVATE ${nh_root} ${nh_root}/include)
	target_link_libraries(${program} PRIVATE ${arg_LIBRARIES} nearheap_warnings)
	target_link_options(${program} PRIVATE -fsanitize=fuzzer)
	set_target_properties(${program} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
	set(targets "${targets}${target} $<TARGET_FILE:${program}> ${fuzz_folder}/corpus/${corpus} ${longest} ${runs}\n" PARENT_SCOPE)
endfunction()

# ---- parsers ------------------------------------------------------------------------------

foreach(name IN LISTS parsers)
	set(own ${${name}_sources} ${regions}/text.c ${regions}/list.c ${regions}/check.c ${nh_root}/tests/support/env.c)
	list(REMOVE_DUPLICATES own)
	fuzz_program(${name} ${name} 4096 20000 fuzz_${name}.c ${own})
	target_compile_definitions(fuzz_${name} PRIVATE ${nh_definitions})
endforeach()
target_include_directories(fuzz_devicetree SYSTEM PRIVATE ${NH_FDT_INCLUDE_DIR})
target_link_libraries(fuzz_devicetree PRIVATE ${NH_FDT_LIBRARY})

# ---- the heap -----------------------------------------------------------------------------

set(core ${NH_CORE_SOURCES} ${NH_PORT_SOURCES_${nh_port}})
list(TRANSFORM core PREPEND ${nh_root}/)
foreach(file arena end env fault oracle)
	list(APPEND core ${nh_root}/tests/support/${file}.c)
endforeach()

# The classes of a microcontroller, and caches from 2 KiB on.
foreach(level basic moderate full)
	set(number 1)
	if(level STREQUAL "moderate")
		set(number 2)
	elseif(level STREQUAL "full")
		set(number 3)
	endif()
	add_library(fuzz_core_${level} STATIC ${core} ${model_sources})
	target_compile_definitions(fuzz_core_${level} PUBLIC NH_PORT_HOST=1 NH_HARDENING=${number} NH_CPUS=4 NH_MAX_HEAPS=16
	                           NH_MAX_REGIONS=24 NH_CACHE_MIN_HEAP=2048 NH_CACHE_SMALL_HEAP=8192 NH_CACHE_SHARE=3)
	target_compile_options(fuzz_core_${level} PRIVATE ${fuzz_flags})
	target_include_directories(fuzz_core_${level} PUBLIC ${nh_root} ${nh_root}/include)
	target_link_libraries(fuzz_core_${level} PUBLIC Threads::Threads PRIVATE nearheap_warnings)
	target_link_options(fuzz_core_${level} PUBLIC ${wrap})
	set_target_properties(fuzz_core_${level} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
endforeach()

foreach(entry heaps:moderate:700:2500 heaps:full:700:1500 select:moderate:256:2000 single:full:700:3000
        pointers:basic:700:1500 pointers:moderate:700:2000 pointers:full:700:2000
        snapshot:moderate:512:6000 snapshot:full:512:6000 retain:moderate:200:6000 retain:full:200:6000)
	string(REPLACE ":" ";" entry ${entry})
	list(GET entry 0 name)
	list(GET entry 1 level)
	list(GET entry 2 longest)
	list(GET entry 3 runs)
	fuzz_program(${name}_${level} ${name} ${longest} ${runs} fuzz_${name}.c LIBRARIES fuzz_core_${level})
endforeach()

file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/targets.txt CONTENT "${targets}")

# ---- a bounded, repeatable run of each ----------------------------------------------------

find_program(NH_NODE node REQUIRED)
string(REGEX MATCHALL "[^\n]+" lines "${targets}")
foreach(line IN LISTS lines)
	string(REGEX REPLACE " .*" "" target "${line}")
	add_test(NAME fuzzer_${target}
	         COMMAND ${NH_NODE} ${fuzz_folder}/fuzz.mjs --build ${CMAKE_CURRENT_BINARY_DIR} --fixed ${target})
	set_tests_properties(fuzzer_${target} PROPERTIES LABELS fuzz TIMEOUT 120)
endforeach()
