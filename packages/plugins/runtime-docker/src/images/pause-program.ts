import { OrreryError } from '@orrery/core';
import { assemble, type Assembler, word } from './machine-code.js';

/** Machines for which the program can be made, in the engine's words. */
export type PauseArchitecture = 'amd64' | 'arm64';

const [SIGINT, SIGTERM, SIGCHLD] = [2, 15, 17];
/** The set of signals that are waited for, in the kernel's form: bit n - 1 stands for signal n. */
const SIGNALS = [SIGINT, SIGTERM, SIGCHLD].reduce((set, signal) => set | (1 << (signal - 1)), 0);
const SET_BYTES = 8;
const WNOHANG = 1;

/** Numbers of system calls differ between machines. */
interface Calls {
  readonly sigprocmask: number;
  readonly sigtimedwait: number;
  readonly wait4: number;
  readonly exitGroup: number;
}

/** What the program is written in: the few things one needs of a processor. */
interface Machine {
  readonly elfMachine: number;
  readonly pageBytes: number;
  readonly calls: Calls;
  /** A system call. An argument is a number, or the address of the set of signals. */
  call(code: Assembler, number: number, ...args: readonly (number | 'signals')[]): void;
  /** Jumps when the last system call's result is above 0, or equal to a number below 128; or always. */
  jump(code: Assembler, when: 'positive' | 'always' | { readonly equals: number }, label: string): void;
}

const AMD64: Machine = {
  elfMachine: 62,
  pageBytes: 0x1000,
  calls: { sigprocmask: 14, sigtimedwait: 128, wait4: 61, exitGroup: 231 },
  call(code, number, ...args) {
    // mov edi / esi / edx / r10d, imm32
    const registers = [[0xbf], [0xbe], [0xba], [0x41, 0xba]];
    for (const [index, arg] of args.entries()) {
      if (arg === 'signals') pointAt(code, index);
      // mov rdi, -1 needs all 64 bits.
      else if (arg < 0) code.emit(0x48, 0xc7, 0xc7, ...word(arg));
      else code.emit(...(registers[index] as number[]), ...word(arg));
    }
    code.emit(0xb8, ...word(number)); // mov eax, number
    code.emit(0x0f, 0x05); // syscall
  },
  jump(code, when, label) {
    if (when === 'positive') code.emit(0x48, 0x83, 0xf8, 0); // cmp rax, 0
    else if (when !== 'always') code.emit(0x48, 0x83, 0xf8, when.equals); // cmp rax, n
    code.emit(when === 'positive' ? 0x7f : when === 'always' ? 0xeb : 0x74); // jg, jmp, je rel8
    code.toLabel(label, 1, (distance) => [(distance - 1) & 0xff]);
  },
};

/** lea rdi / rsi, [rip + distance to the set]; the distance counts from the end of the instruction, four bytes after itself. Others never point. */
function pointAt(code: Assembler, index: number): void {
  code.emit(0x48, 0x8d, index === 0 ? 0x3d : 0x35);
  code.toLabel('signals', 4, (distance) => word(distance - 4));
}

const ARM64: Machine = {
  elfMachine: 183,
  pageBytes: 0x10000,
  calls: { sigprocmask: 135, sigtimedwait: 137, wait4: 260, exitGroup: 94 },
  call(code, number, ...args) {
    for (const [register, arg] of args.entries()) {
      if (arg === 'signals') code.toLabel('signals', 4, (distance) => word((0x10000000 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5) | register) >>> 0)); // adr
      else if (arg < 0) code.emit(...word((0x92800000 | (~arg << 5) | register) >>> 0)); // movn
      else code.emit(...word((0xd2800000 | (arg << 5) | register) >>> 0)); // movz
    }
    code.emit(...word((0xd2800000 | (number << 5) | 8) >>> 0)); // movz x8, number
    code.emit(...word(0xd4000001)); // svc #0
  },
  jump(code, when, label) {
    if (when === 'always') return code.toLabel(label, 4, (distance) => word((0x14000000 | ((distance >> 2) & 0x3ffffff)) >>> 0)); // b
    code.emit(...word((0xf100001f | ((when === 'positive' ? 0 : when.equals) << 10)) >>> 0)); // cmp x0, #n
    code.toLabel(label, 4, (distance) => word((0x54000000 | (((distance >> 2) & 0x7ffff) << 5) | (when === 'positive' ? 12 : 0)) >>> 0)); // b.gt, b.eq
  },
};

const MACHINES: Readonly<Record<PauseArchitecture, Machine>> = { amd64: AMD64, arm64: ARM64 };

/**
 * The first process of a sandbox, as a static executable of a few hundred bytes: it collects what ended (it is everybody's parent where the pod shares its PID
 * namespace), and ends with 0 at SIGTERM or SIGINT, at once. The kernel keeps signals without a handler from the first process of a PID namespace, so
 * it blocks them and waits for them instead. Throws `UNSUPPORTED` for other machines.
 */
export function pauseProgram(architecture: string): Uint8Array {
  const machine = Object.hasOwn(MACHINES, architecture) ? MACHINES[architecture as PauseArchitecture] : undefined;
  if (machine === undefined) throw new OrreryError('UNSUPPORTED', `There is no built-in sandbox program for ${architecture}; name a sandbox image in the options.`, { architecture });
  const { calls } = machine;
  const code = assemble((assembler) => {
    machine.call(assembler, calls.sigprocmask, 0, 'signals', 0, SET_BYTES);
    assembler.label('collect');
    machine.call(assembler, calls.wait4, -1, 0, WNOHANG, 0);
    machine.jump(assembler, 'positive', 'collect');
    // Which signals; where to tell more: nowhere; how long: for ever.
    machine.call(assembler, calls.sigtimedwait, 'signals', 0, 0, SET_BYTES);
    machine.jump(assembler, { equals: SIGINT }, 'end');
    machine.jump(assembler, { equals: SIGTERM }, 'end');
    machine.jump(assembler, 'always', 'collect');
    assembler.label('end');
    machine.call(assembler, calls.exitGroup, 0);
    assembler.label('signals');
    assembler.emit(...word(SIGNALS), ...word(0));
  });
  return executable(machine, code);
}

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SEGMENTS = 2;
const BASE = 0x400000;

/** An ELF file with one segment, readable and executable, and a stack that is not. */
function executable({ elfMachine, pageBytes }: Machine, code: Uint8Array): Uint8Array {
  const start = HEADER_BYTES + SEGMENTS * SEGMENT_BYTES;
  const file = Buffer.alloc(start + code.length);
  const long = (value: number, at: number): void => void file.writeBigUInt64LE(BigInt(value), at);
  // Magic, 64 bits, little endian, version 1.
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(elfMachine, 18);
  file.writeUInt32LE(1, 20);
  long(BASE + start, 24); // where it begins
  long(HEADER_BYTES, 32); // where the segments are described
  file.writeUInt16LE(HEADER_BYTES, 52);
  file.writeUInt16LE(SEGMENT_BYTES, 54);
  file.writeUInt16LE(SEGMENTS, 56);
  const [LOAD, GNU_STACK, READ_EXECUTE, READ_WRITE] = [1, 0x6474e551, 5, 6];
  file.writeUInt32LE(LOAD, HEADER_BYTES);
  file.writeUInt32LE(READ_EXECUTE, HEADER_BYTES + 4);
  long(BASE, HEADER_BYTES + 16);
  long(BASE, HEADER_BYTES + 24);
  long(file.length, HEADER_BYTES + 32);
  long(file.length, HEADER_BYTES + 40);
  long(pageBytes, HEADER_BYTES + 48);
  file.writeUInt32LE(GNU_STACK, HEADER_BYTES + SEGMENT_BYTES);
  file.writeUInt32LE(READ_WRITE, HEADER_BYTES + SEGMENT_BYTES + 4);
  file.set(code, start);
  return file;
}
