//! `wasm`: modules made by `wasm-encoder`, against the same computations in Rust.

use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, ImportSection, InstructionSink,
    MemArg, MemArgTarget, MemorySection, MemoryType, Module, TypeSection, ValType,
};

use super::Program;

fn program() -> Program {
    Program::new("wasm")
}

/// A function that a module exports.
struct Export<'a> {
    name: &'a str,
    parameters: &'a [ValType],
    results: &'a [ValType],
    /// Further variables, all of one type.
    locals: (u32, ValType),
    body: &'a dyn Fn(&mut InstructionSink<'_>),
}

/// A module with a memory of two pages.
fn module(exports: &[Export<'_>]) -> Vec<u8> {
    let (mut types, mut functions, mut names, mut code) =
        (TypeSection::new(), FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for (index, export) in (0..).zip(exports) {
        types.ty().function(export.parameters.iter().copied(), export.results.iter().copied());
        functions.function(index);
        names.export(export.name, ExportKind::Func, index);
        let mut function = Function::new([export.locals]);
        (export.body)(&mut function.instructions());
        function.instructions().end();
        code.function(&function);
    }
    names.export("memory", ExportKind::Memory, 0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 2, maximum: Some(2), memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&names).section(&code);
    module.finish()
}

const BYTE: MemArg = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };
use ValType::{F64, I32, I64};

/// `primes(n)`: how many primes are below n, by a sieve in memory.
fn primes(code: &mut InstructionSink<'_>) {
    let (n, i, j, count) = (0, 1, 2, 3);
    code.i32_const(2).local_set(i);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(i).local_get(n).i32_ge_u().br_if(1);
    code.local_get(i).i32_load8_u(BYTE).i32_eqz().if_(BlockType::Empty);
    code.local_get(count).i32_const(1).i32_add().local_set(count);
    code.local_get(i).local_get(i).i32_add().local_set(j);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(j).local_get(n).i32_ge_u().br_if(1);
    code.local_get(j).i32_const(1).i32_store8(BYTE);
    code.local_get(j).local_get(i).i32_add().local_set(j);
    code.br(0).end().end();
    code.end();
    code.local_get(i).i32_const(1).i32_add().local_set(i);
    code.br(0).end().end();
    code.local_get(count);
}

/// `gcd(a, b)`: by recursion.
fn gcd(code: &mut InstructionSink<'_>) {
    code.local_get(1).i64_eqz().if_(BlockType::Result(I64));
    code.local_get(0);
    code.else_();
    code.local_get(1).local_get(0).local_get(1).i64_rem_u().call(1);
    code.end();
}

/// `root(x)`, of a number in floating point.
fn root(code: &mut InstructionSink<'_>) {
    code.local_get(0).f64_sqrt().f64_const(0.1_f64.into()).f64_add();
}

/// `divide(a, b)`, `peek(address)`, `spin(n)`, `deep()`.
fn divide(code: &mut InstructionSink<'_>) {
    code.local_get(0).local_get(1).i32_div_s().local_get(0).local_get(1).i32_rem_s();
}

fn peek(code: &mut InstructionSink<'_>) {
    code.local_get(0).i32_load8_u(BYTE);
}

fn deep(code: &mut InstructionSink<'_>) {
    code.call(5);
}

fn everything() -> Vec<u8> {
    let export = |name, parameters, results, locals, body| Export { name, parameters, results, locals, body };
    module(&[
        export("primes", &[I32], &[I32], (3, I32), &primes),
        export("gcd", &[I64, I64], &[I64], (0, I32), &gcd),
        export("root", &[F64], &[F64], (0, I32), &root),
        export("divide", &[I32, I32], &[I32, I32], (0, I32), &divide),
        export("peek", &[I32], &[I32], (0, I32), &peek),
        export("deep", &[], &[], (0, I32), &deep),
    ])
}

#[test]
fn modules_compute_what_rust_computes() {
    let module = everything();
    let mut program = program();
    let mut call = |export: &str, arguments: &[i64]| -> Vec<i64> {
        program.call("call", &(module.as_slice(), export, arguments.to_vec())).value()
    };
    // The number of primes below 10^n, as in every table.
    for (below, primes) in [(0, 0), (3, 1), (10, 4), (1000, 168), (100_000, 9592)] {
        assert_eq!(call("primes", &[below]), [primes], "below {below}");
    }
    let gcd = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a as i64
    };
    for (a, b) in [(0, 0), (12, 18), (7_540_113_804_746_346_429, 4_660_046_610_375_530_309), (-2, 6)] {
        assert_eq!(call("gcd", &[a, b]), [gcd(a as u64, b as u64)], "{a} {b}");
    }
    for x in [2.0_f64, 0.0, 1e300, -1.0, 3.5e-310] {
        let [found] = call("root", &[x.to_bits() as i64])[..] else { panic!("there is one result") };
        let (found, expected) = (f64::from_bits(found as u64), x.sqrt() + 0.1);
        assert!(found == expected || found.is_nan() && expected.is_nan(), "{x}: {found}, {expected}");
    }
    assert_eq!(call("divide", &[-7, 2]), [-3, -1]);
    assert_eq!(call("peek", &[131_071]), [0]);
}

#[test]
fn exports_are_listed() {
    let names: Vec<String> = program().call("exports", &(everything().as_slice(),)).value();
    let expected = [
        "deep: [] -> []",
        "divide: [I32, I32] -> [I32, I32]",
        "gcd: [I64, I64] -> [I64]",
        "peek: [I32] -> [I32]",
        "primes: [I32] -> [I32]",
        "root: [F64] -> [F64]",
    ];
    assert_eq!(names, expected);
}

#[test]
fn traps_and_mistakes_say_what_they_are() {
    let module = everything();
    let mut program = program();
    let mut refusal = |export: &str, arguments: &[i64]| {
        program.call("call", &(module.as_slice(), export, arguments.to_vec())).refusal()
    };
    for (export, arguments, said) in [
        ("divide", [1, 0].as_slice(), "'divide' ended: integer divide by zero"),
        ("divide", &[i32::MIN.into(), -1], "'divide' ended: integer overflow"),
        ("peek", &[131_072], "'peek' ended: out of bounds memory access"),
        ("deep", &[], "'deep' ended: call stack exhausted"),
        ("nothing", &[], "the module exports no 'nothing'"),
        ("memory", &[], "'memory' is exported, but is no function"),
        ("gcd", &[1], "'gcd' takes 2 arguments, not 1"),
        ("peek", &[1 << 40], "argument 0 of 'peek': 1099511627776 is no number of 32 bits"),
    ] {
        let found = refusal(export, arguments);
        assert!(found.ends_with(said), "{found}, not {said}");
    }
}

#[test]
fn what_is_no_module_is_refused() {
    let mut program = program();
    let mut refusal = |module: &[u8]| program.call("exports", &(module,)).refusal();
    let module = everything();
    for (what, bytes) in [("nothing", &[][..]), ("text", b"(module)"), ("half", &module[..module.len() / 2])] {
        let said = refusal(bytes);
        assert!(said.contains("the module is not valid: "), "{what}: {said}");
    }
    // One instruction that leaves nothing where a number is promised.
    let wrong = self::module(&[Export {
        name: "f",
        parameters: &[],
        results: &[I32],
        locals: (0, I32),
        body: &|code| {
            code.nop();
        },
    }]);
    assert!(refusal(&wrong).contains("type mismatch"), "{}", refusal(&wrong));

    let mut imports = ImportSection::new();
    imports.import("env", "clock", wasm_encoder::EntityType::Function(0));
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut importing = Module::new();
    importing.section(&types).section(&imports);
    let said = program.call("call", &(importing.finish().as_slice(), "f", Vec::<i64>::new())).refusal();
    assert!(said.contains("the module does not start: "), "{said}");
}
