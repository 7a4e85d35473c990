//! eBPF instructions, written by hand: enough of an assembler for one small program, so that no C
//! compiler is needed to build us.
//!
//! ```text
//!   one instruction, 8 bytes:  | code 8 | source 4, target 4 | offset 16 | immediate 32 |
//! ```
//!
//! Jumps go forward, to one label: what the program does with whatever it does not want. The codes
//! are those of the kernel's `Documentation/bpf/standardization/instruction-set.rst`.

/// A register. The kernel gives the context in `R1` and takes the verdict from `R0`; a call takes
/// its arguments in `R1` to `R5` and destroys them, and keeps `R6` to `R9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Register {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R5 = 5,
    R6 = 6,
    /// The top of the stack; read only.
    Stack = 10,
}

/// How many bytes a load or store moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Byte = 0x10,
    Half = 0x08,
    Word = 0x00,
}

/// As the kernel reads it (`struct bpf_insn`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

const _: () = assert!(size_of::<Instruction>() == 8);

const LOAD_MEMORY: u8 = 0x61;
const STORE_MEMORY: u8 = 0x63;
/// A 64-bit immediate, in two instructions.
const LOAD_IMMEDIATE_64: u8 = 0x18;
/// In the source register of that: the immediate is the descriptor of a map.
const PSEUDO_MAP_FD: u8 = 1;
const MOVE_REGISTER: u8 = 0xbf;
const MOVE_IMMEDIATE: u8 = 0xb7;
const ADD_IMMEDIATE: u8 = 0x07;
const AND_IMMEDIATE: u8 = 0x57;
const JUMP_EQUAL: u8 = 0x15;
const JUMP_NOT_EQUAL: u8 = 0x55;
const JUMP_GREATER: u8 = 0x2d;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

/// A place to jump to that is not known yet.
#[derive(Debug, Default)]
#[must_use = "place it, or the jumps to it lead nowhere"]
pub(super) struct Label(Vec<usize>);

/// A program in the making.
#[derive(Debug, Default)]
pub(super) struct Assembler(Vec<Instruction>);

impl Assembler {
    fn push(&mut self, code: u8, target: Register, source: u8, offset: i16, immediate: i32) {
        let registers = source << 4 | target as u8;
        self.0.push(Instruction { code, registers, offset, immediate });
    }

    /// `target = *(source + offset)`, zero-extended.
    pub(super) fn load(&mut self, width: Width, target: Register, source: Register, offset: i16) {
        self.push(LOAD_MEMORY | width as u8, target, source as u8, offset, 0);
    }

    /// `*(target + offset) = source`.
    pub(super) fn store(&mut self, width: Width, target: Register, offset: i16, source: Register) {
        self.push(STORE_MEMORY | width as u8, target, source as u8, offset, 0);
    }

    /// `target = source`.
    pub(super) fn copy(&mut self, target: Register, source: Register) {
        self.push(MOVE_REGISTER, target, source as u8, 0, 0);
    }

    /// `target = value`.
    pub(super) fn set(&mut self, target: Register, value: i32) {
        self.push(MOVE_IMMEDIATE, target, 0, 0, value);
    }

    /// `target = ` the map behind a descriptor.
    pub(super) fn set_map(&mut self, target: Register, map: i32) {
        self.push(LOAD_IMMEDIATE_64, target, PSEUDO_MAP_FD, 0, map);
        self.push(0, Register::R0, 0, 0, 0);
    }

    /// `target += value`.
    pub(super) fn add(&mut self, target: Register, value: i32) {
        self.push(ADD_IMMEDIATE, target, 0, 0, value);
    }

    /// `target &= mask`.
    pub(super) fn and(&mut self, target: Register, mask: i32) {
        self.push(AND_IMMEDIATE, target, 0, 0, mask);
    }

    /// Jumps if `left == right`.
    pub(super) fn jump_if_equal(&mut self, left: Register, right: i32, to: &mut Label) {
        to.0.push(self.0.len());
        self.push(JUMP_EQUAL, left, 0, 0, right);
    }

    /// Jumps if `left != right`.
    pub(super) fn jump_if_not(&mut self, left: Register, right: i32, to: &mut Label) {
        to.0.push(self.0.len());
        self.push(JUMP_NOT_EQUAL, left, 0, 0, right);
    }

    /// Jumps if `left > right`, unsigned.
    pub(super) fn jump_if_above(&mut self, left: Register, right: Register, to: &mut Label) {
        to.0.push(self.0.len());
        self.push(JUMP_GREATER, left, right as u8, 0, 0);
    }

    /// Calls a helper of the kernel by its number.
    pub(super) fn call(&mut self, helper: i32) {
        self.push(CALL, Register::R0, 0, 0, helper);
    }

    /// Ends the program with the verdict in `R0`.
    pub(super) fn exit(&mut self) {
        self.push(EXIT, Register::R0, 0, 0, 0);
    }

    /// Every jump to `label` leads here.
    pub(super) fn place(&mut self, label: Label) {
        for from in label.0 {
            // Counted from the instruction after the jump. Our programs are tens of instructions.
            let distance = self.0.len() - from - 1;
            self.0[from].offset = i16::try_from(distance).expect("a short program");
        }
    }

    pub(super) fn finish(self) -> Vec<Instruction> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_the_bytes_of_the_specification() {
        let mut code = Assembler::default();
        let mut end = Label::default();
        code.load(Width::Half, Register::R5, Register::R2, 12);
        code.jump_if_not(Register::R5, 8, &mut end);
        code.store(Width::Word, Register::Stack, -8, Register::R5);
        code.set_map(Register::R1, 7);
        code.place(end);
        code.exit();
        let instruction =
            |code, registers, offset, immediate| Instruction { code, registers, offset, immediate };
        let expected = [
            instruction(0x69, 0x25, 12, 0),
            // Over the store and the two halves of the map.
            instruction(0x55, 0x05, 3, 8),
            instruction(0x63, 0x5a, -8, 0),
            instruction(0x18, 0x11, 0, 7),
            instruction(0, 0, 0, 0),
            instruction(0x95, 0, 0, 0),
        ];
        assert_eq!(code.finish(), expected);
    }
}
