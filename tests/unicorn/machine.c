/* SPDX-License-Identifier: MIT */
/* The machine: image, memory, the registers of the SIO that the heap uses, calls. */
#include "machine.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE UINT32_C(0x10000000)
#define CODE_SIZE ((size_t)0x20000)
#define RAM UINT32_C(0x20000000)
#define STACKS ((size_t)0x3000) /* at the end of RAM */
#define STOP (CODE + (uint32_t)CODE_SIZE - 16u)
#define SIO UINT32_C(0xd0000000)
#define SIO_CPUID 0u
#define SIO_SPINLOCK 0x100u
#define SSE_CPUID UINT32_C(0x5001f000) /* of the AN521, for which the preset is made */
#define WHOLE ((size_t)3000000)

static uint8_t *ram, *code;
static uint32_t spinlocks; /* a bit per lock that is taken */
static uc_engine *engines[ENGINES];
static char *file;
static bool alike;

static void check(uc_err error, const char *what)
{
	if (error != UC_ERR_OK) {
		fprintf(stderr, "unicorn: %s: %s\n", what, uc_strerror(error));
		exit(2);
	}
}

/* ---- devices ----------------------------------------------------------------------------------- */

static uint64_t sio_read(uc_engine *uc, uint64_t offset, unsigned size, void *cpu)
{
	(void)uc;
	(void)size;
	if (offset == SIO_CPUID)
		return alike ? 0 : (uintptr_t)cpu;
	if (offset < SIO_SPINLOCK || offset >= SIO_SPINLOCK + 128u)
		return 0;
	uint32_t bit = UINT32_C(1) << (offset - SIO_SPINLOCK) / 4u;
	if (spinlocks & bit)
		return 0;
	spinlocks |= bit;
	return bit;
}

static void sio_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *cpu)
{
	(void)uc;
	(void)size;
	(void)value;
	(void)cpu;
	if (offset >= SIO_SPINLOCK && offset < SIO_SPINLOCK + 128u)
		spinlocks &= ~(UINT32_C(1) << (offset - SIO_SPINLOCK) / 4u);
}

static uint64_t cpu_read(uc_engine *uc, uint64_t offset, unsigned size, void *cpu)
{
	(void)uc;
	(void)offset;
	(void)size;
	return alike ? 0 : (uintptr_t)cpu;
}

/* Oscillator, counters: what entropy is made of. The same each time, so that runs repeat. */
static uint64_t still(uc_engine *uc, uint64_t offset, unsigned size, void *unused)
{
	(void)uc;
	(void)offset;
	(void)size;
	(void)unused;
	return 0x15;
}

static void map(uc_engine *uc, uint32_t base, uc_cb_mmio_read_t read, uc_cb_mmio_write_t write, uintptr_t cpu)
{
	check(uc_mmio_map(uc, base, 0x1000, read, (void *)cpu, write, (void *)cpu), "device");
}

/* ---- image ------------------------------------------------------------------------------------- */

static void load(const char *path)
{
	FILE *stream = fopen(path, "rb");
	const size_t most = (size_t)4 << 20;
	file = calloc(1, most);
	if (stream == NULL || file == NULL || fread(file, 1, most, stream) < sizeof(Elf32_Ehdr) ||
	    memcmp(file, ELFMAG "\1", 5) != 0) {
		fprintf(stderr, "%s: no 32-bit ELF image\n", path);
		exit(2);
	}
	fclose(stream);
	const Elf32_Ehdr *header = (const void *)file;
	const Elf32_Phdr *part = (const void *)(file + header->e_phoff);
	for (unsigned i = 0; i < header->e_phnum; i++, part++) {
		if (part->p_type != PT_LOAD || part->p_filesz == 0)
			continue;
		bool in_ram = part->p_vaddr >= RAM;
		uint32_t offset = part->p_vaddr - (in_ram ? RAM : CODE);
		if (offset > (in_ram ? RAM_SIZE - STACKS : CODE_SIZE) - part->p_memsz) {
			fprintf(stderr, "%s: a part at %x\n", path, part->p_vaddr);
			exit(2);
		}
		memcpy((in_ram ? ram : code) + offset, file + part->p_offset, part->p_filesz);
	}
}

static const Elf32_Shdr *section(unsigned type)
{
	const Elf32_Ehdr *header = (const void *)file;
	const Elf32_Shdr *at = (const void *)(file + header->e_shoff);
	for (unsigned i = 0; i < header->e_shnum; i++)
		if (at[i].sh_type == type)
			return &at[i];
	return NULL;
}

static const Elf32_Sym *symbols(size_t *count, const char **names)
{
	const Elf32_Ehdr *header = (const void *)file;
	const Elf32_Shdr *table = section(SHT_SYMTAB);
	if (table == NULL) {
		fputs("the image has no symbols\n", stderr);
		exit(2);
	}
	*names = file + ((const Elf32_Shdr *)(const void *)(file + header->e_shoff))[table->sh_link].sh_offset;
	*count = table->sh_size / sizeof(Elf32_Sym);
	return (const void *)(file + table->sh_offset);
}

uint32_t machine_symbol(const char *name)
{
	size_t count;
	const char *names;
	const Elf32_Sym *symbol = symbols(&count, &names);
	for (; count > 0; count--, symbol++)
		if (strcmp(names + symbol->st_name, name) == 0)
			return symbol->st_value;
	fprintf(stderr, "no symbol %s\n", name);
	exit(2);
}

void machine_functions(void (*each)(const char *name, uint32_t address))
{
	size_t count;
	const char *names;
	const Elf32_Sym *symbol = symbols(&count, &names);
	for (; count > 0; count--, symbol++)
		if (ELF32_ST_TYPE(symbol->st_info) == STT_FUNC)
			each(names + symbol->st_name, symbol->st_value & ~UINT32_C(1));
}

uint32_t machine_word(uint32_t address)
{
	uint32_t word;
	memcpy(&word, address >= RAM ? ram + (address - RAM) : code + (address - CODE), sizeof word);
	return word;
}

static uint8_t *in_ram(uint32_t address, size_t size)
{
	if (address < RAM || size > RAM_SIZE || address - RAM > RAM_SIZE - size) {
		fprintf(stderr, "%x is not in RAM\n", address);
		exit(2);
	}
	return ram + (address - RAM);
}

void machine_take(uint32_t address, void *to, size_t size)
{
	memcpy(to, in_ram(address, size), size);
}

void machine_put(uint32_t address, const void *from, size_t size)
{
	memcpy(in_ram(address, size), from, size);
}

void machine_alike(void)
{
	alike = true;
}

/* A literal that looks like the instruction would be overwritten too; what comes of that is a broken image as well. */
unsigned machine_unmask(void)
{
	size_t count;
	const char *names;
	unsigned found = 0;
	const Elf32_Sym *symbol = symbols(&count, &names);
	for (; count > 0; count--, symbol++) {
		uint32_t at = (symbol->st_value & ~UINT32_C(1)) - CODE;
		if (ELF32_ST_TYPE(symbol->st_info) != STT_FUNC || at >= CODE_SIZE)
			continue;
		for (uint32_t end = at + symbol->st_size; at + 2u <= end; at += 2u) {
			const uint8_t mask[2] = { 0x72, 0xb6 }, nothing[2] = { 0xc0, 0x46 };
			if (memcmp(code + at, mask, 2) == 0) {
				memcpy(code + at, nothing, 2);
				found++;
			}
		}
	}
	return found;
}

void machine_open(const char *image, bool m33)
{
	ram = aligned_alloc(4096, RAM_SIZE);
	code = aligned_alloc(4096, CODE_SIZE);
	if (ram == NULL || code == NULL)
		abort();
	memset(ram, 0, RAM_SIZE);
	memset(code, 0xde, CODE_SIZE); /* undefined instructions */
	load(image);
	for (unsigned i = 0; i < ENGINES; i++) {
		uintptr_t cpu = i == CPU1;
		check(uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &engines[i]), "engine");
		check(uc_ctl_set_cpu_model(engines[i], m33 ? UC_CPU_ARM_CORTEX_M33 : UC_CPU_ARM_CORTEX_M0), "model");
		check(uc_mem_map_ptr(engines[i], CODE, CODE_SIZE, UC_PROT_READ | UC_PROT_EXEC, code), "code");
		check(uc_mem_map_ptr(engines[i], RAM, RAM_SIZE, UC_PROT_READ | UC_PROT_WRITE, ram), "RAM");
		map(engines[i], SIO, sio_read, sio_write, cpu);
		map(engines[i], SSE_CPUID, cpu_read, NULL, cpu);
		map(engines[i], UINT32_C(0x40060000), still, NULL, cpu);
		map(engines[i], UINT32_C(0xe000e000), still, NULL, cpu);
		map(engines[i], UINT32_C(0xe0001000), still, NULL, cpu);
	}
}

/* ---- calls ------------------------------------------------------------------------------------- */

uint32_t machine_register(enum engine engine, int number)
{
	uint32_t value = 0;
	check(uc_reg_read(engines[engine], number, &value), "register");
	return value;
}

static void set(enum engine engine, int number, uint32_t value)
{
	check(uc_reg_write(engines[engine], number, &value), "register");
}

bool machine_masked(enum engine engine)
{
	return (machine_register(engine, UC_ARM_REG_PRIMASK) & 1u) != 0;
}

void machine_call(enum engine engine, uint32_t function, uint32_t argument, uint32_t stack, uint32_t exception)
{
	uint32_t own = RAM + (uint32_t)RAM_SIZE - (engine == CPU1 ? (uint32_t)STACKS / 2u : 0);
	set(engine, UC_ARM_REG_PRIMASK, 0);
	set(engine, UC_ARM_REG_IPSR, exception);
	set(engine, UC_ARM_REG_SP, stack != 0 ? stack & ~UINT32_C(7) : own);
	set(engine, UC_ARM_REG_LR, STOP | 1u);
	set(engine, UC_ARM_REG_R0, argument);
	set(engine, UC_ARM_REG_PC, function | 1u);
}

static unsigned halfword(uint32_t at)
{
	return (unsigned)code[at - CODE] | (unsigned)code[at - CODE + 1u] << 8;
}

/* An IT instruction and what it makes conditional, of which Unicorn makes one step, but not where a page ends in between: it
 * then forgets the condition. Other instructions: 1, and STOP. */
static size_t step_at(uint32_t pc, uint32_t *end)
{
	size_t count = 1;
	unsigned it = pc >= CODE && pc < STOP ? halfword(pc) : 0;
	*end = STOP;
	if ((it & 0xff00u) != 0xbf00u || (it & 0xfu) == 0)
		return count;
	*end = pc + 2u;
	for (unsigned mask = it & 0xfu; mask != 0; mask = mask << 1 & 0xfu, count++)
		*end += halfword(*end) >= 0xe800u ? 4u : 2u;
	return count;
}

enum outcome machine_run(enum engine engine, size_t count)
{
	uint32_t pc = machine_register(engine, UC_ARM_REG_PC) & ~UINT32_C(1), end = STOP;
	if (pc == STOP)
		return DONE;
	if (count == 1)
		count = step_at(pc, &end);
	uc_err error = uc_emu_start(engines[engine], pc | 1u, end, 0, count);
	pc = machine_register(engine, UC_ARM_REG_PC) & ~UINT32_C(1);
	if (error == UC_ERR_INSN_INVALID && pc >= CODE + 2u && pc < STOP && code[pc - CODE - 2u] == 0x10 &&
	    code[pc - CODE - 1u] == 0xbf)
		return MORE; /* behind a `yield`, which Unicorn takes for an exception */
	if (error != UC_ERR_OK)
		return BROKEN;
	return pc == STOP ? DONE : MORE;
}

enum outcome machine_whole(enum engine engine, uint32_t function, uint32_t argument, uint32_t *result)
{
	machine_call(engine, function, argument, 0, 0);
	enum outcome outcome = machine_run(engine, WHOLE);
	if (result != NULL)
		*result = machine_register(engine, UC_ARM_REG_R0);
	return outcome;
}

/* ---- moments ----------------------------------------------------------------------------------- */

void moment_open(struct moment *moment)
{
	for (unsigned i = 0; i < ENGINES; i++)
		check(uc_context_alloc(engines[i], &moment->registers[i]), "context");
}

void moment_keep(struct moment *moment)
{
	memcpy(moment->ram, ram, RAM_SIZE);
	moment->spinlocks = spinlocks;
	for (unsigned i = 0; i < ENGINES; i++)
		check(uc_context_save(engines[i], moment->registers[i]), "context");
}

void moment_back(const struct moment *moment)
{
	memcpy(ram, moment->ram, RAM_SIZE);
	spinlocks = moment->spinlocks;
	for (unsigned i = 0; i < ENGINES; i++)
		check(uc_context_restore(engines[i], moment->registers[i]), "context");
}

bool moment_same(const struct moment *a, const struct moment *b)
{
	return memcmp(a->ram, b->ram, RAM_SIZE - STACKS) == 0 && a->spinlocks == b->spinlocks;
}
