//! C with the library of WASI, where it is installed.

use std::process::Command;

use crate::common::command::{at, clang, file, hardmax, json, prints, refused, says};
use crate::host::interpret;
use crate::{given, outcome, program};

/// Whether there is a C library of WASI for clang; says so where a test is left out.
fn library() -> bool {
    let asks = ["--target=wasm32-wasi", "-print-file-name=libc.a"];
    let found = clang() && {
        let said = Command::new("clang").args(asks).output().unwrap().stdout;
        std::path::Path::new(String::from_utf8(said).unwrap().trim()).is_absolute()
    };
    if !found {
        eprintln!("left out: there is no C library of WASI here");
    }
    found
}

const COUNTS: &str = r#"
    #include <ctype.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include "counts.h"
    int main(int argc, char **argv) {
        struct counts counts = {0};
        for (int c; (c = getchar()) != EOF;) count(&counts, c);
        for (int i = 0; i < argc; i++) printf("%s ", argv[i]);
        printf("%ld %ld %ld %s %.3f\n", counts.lines, counts.words, counts.bytes,
               getenv("HOME") ? getenv("HOME") : "?", counts.bytes / 7.0);
        fprintf(stderr, "done\n");
        return FAILS;
    }"#;

const COUNT: &str = r#"
    #include <ctype.h>
    #include "counts.h"
    void count(struct counts *counts, int c) {
        counts->bytes++;
        counts->lines += c == '\n';
        counts->words += !isspace(c) && !counts->within;
        counts->within = !isspace(c);
    }"#;

const HEADER: &str =
    "struct counts { long lines, words, bytes; int within; };\nvoid count(struct counts *, int);\n";

#[test]
fn c_with_its_library_is_compiled_of_several_files_and_runs() {
    if !library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [main, count, headers] = ["main.c", "count.c", "headers"].map(|name| at(&folder, name));
    std::fs::create_dir(&headers).unwrap();
    std::fs::write(&main, COUNTS).unwrap();
    std::fs::write(&count, COUNT).unwrap();
    std::fs::write(format!("{headers}/counts.h"), HEADER).unwrap();
    let flags =
        ["-I", &headers, "-D", "FAILS=argc+3", "-O1", "--env", "HOME=/h", "--args", "a b\nc"];
    let command = |name| [&[name, &*main, "--with", &*count], &flags[..], &["--", "x"]].concat();
    let report = json(3, &command("run"));
    assert_eq!(report["output"], "main x 1 3 5 /h 0.714\ndone\n");
    assert_eq!(report["exit_code"], 5);
    assert_eq!(report["verify"]["mismatches"], 0);
    // Without -I there is no header, and without FAILS no code, but a library there is.
    let error = refused(&["run", &main, "--with", &count]);
    assert!(error.contains("counts.h") && !error.contains("apt-get"), "{error}");
}

/// What clang and the library make of a program is the same for an independent engine.
#[test]
fn a_program_of_c_does_what_it_does_elsewhere() {
    if !library() {
        return;
    }
    let source = r#"
        #include <math.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <time.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
            char *all = malloc(300000);
            memset(all, 'x', 299999);
            printf("%zu %s\n", strlen(all), strcat(strcpy(all, argv[argc - 1]), "!"));
            for (int i = 1; i < 4; i++) printf("%g %.17g %a\n", sqrt(i), 1e22 / i, exp(i));
            unsigned char random[5];
            getentropy(random, 5);
            for (int i = 0; i < 5; i++) printf("%02x", random[i]);
            time_t now = time(0);
            printf(" %s", ctime(&now));
            sleep(100);
            printf("%ld %d\n", (long)(time(0) - now), fopen("file", "r") != 0);
            char line[20];
            while (fgets(line, sizeof line, stdin)) printf("[%s]", line);
            exit(strlen(getenv("CODE")));
        }"#;
    let folder = tempfile::tempdir().unwrap();
    let [c, wasm] = ["p.c", "p.wasm"].map(|name| at(&folder, name));
    std::fs::write(&c, source).unwrap();
    let built =
        Command::new("clang").args(["--target=wasm32-wasi", "-O2", &c, "-o", &wasm]).status();
    assert!(built.unwrap().success());
    let wasm = std::fs::read(wasm).unwrap();
    let given = given(&["p", "last"], &["CODE=12345"], "a line\nand a longer one than that\n");
    let (expected, _) = interpret(&wasm, &given);
    assert_eq!(expected.exit_code, Some(5));
    assert_eq!(outcome(&program(&wasm, &given, false)), expected);
}

/// By a clang that has none.
#[cfg(unix)]
#[test]
fn without_a_library_the_way_to_it_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, clang) = file(
        "clang",
        "#!/bin/sh\ncase \"$*\" in\n*-print-*) echo libc.a;;\n*) echo \"p.c:1:10: fatal error: \
         'stdio.h' file not found\" >&2; exit 1;;\nesac\n",
    );
    std::fs::set_permissions(clang, PermissionsExt::from_mode(0o755)).unwrap();
    let path = at(&folder, "p.c");
    std::fs::write(&path, "#include <stdio.h>\nint main() { return 0; }\n").unwrap();
    let folders = format!("{}:/usr/bin:/bin", folder.path().display());
    let error = says(2, hardmax(&["run", &path]).env("PATH", folders));
    for part in
        ["C library of WASI is not installed", "'stdio.h' file not found", "apt-get install"]
    {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_its_file_defines_says_which_of_both_a_c_program_is() {
    if !library() {
        return;
    }
    let run = |source: &str, flags: &[&str]| {
        let (_folder, path) = file("p.c", source);
        prints(0, hardmax(&["oracle", &path, "--args", "in"]).args(flags))
    };
    let main = "int main(void) { return 0; }\n";
    assert_eq!(run(main, &[]), "");
    let put = "void output_byte(int b) __attribute__((import_module(\"env\"), import_name(\"output_byte\")));";
    let compute = format!("{put} void compute(const char *in) {{ output_byte(in[0]); }} {main}");
    assert_eq!(run(&compute, &[]), "i");
    let (_folder, path) = file(
        "p.c",
        "#include <stdlib.h>\nint f(int n) { return abs(n); } int main() { return 0; }\n",
    );
    assert_eq!(prints(0, &mut hardmax(&["oracle", &path, "--invoke", "f", "-3"])), "3\n");
    let (_folder, path) = file("p.c", "#include <stdio.h>\nint main() { nonsense }\n");
    let error = refused(&["oracle", &path]);
    assert!(error.contains("p.c:2:14: error:"), "{error}");
}

/// The words of GNU C are known with the library and without.
#[test]
fn gnu_c_compiles_where_no_header_is_included() {
    if !clang() {
        return;
    }
    let body = "typeof(7) x = 7; asm(\"\" : \"+r\"(x)); return x;";
    let (_folder, c) = file("f.c", format!("int f(void) {{ {body} }}"));
    assert_eq!(json(0, &["oracle", &c, "--invoke", "f"])["output"], "7\n");
    if library() {
        let (_folder, c) = file("main.c", format!("int main(void) {{ {body} }}"));
        assert_eq!(json(3, &["oracle", &c])["exit_code"], 7);
    }
}

/// Memory maps, signals, times and numbers of processes.
#[test]
fn what_the_library_imitates_is_there() {
    if !library() {
        return;
    }
    let source = r#"
        #include <signal.h>
        #include <stdio.h>
        #include <sys/mman.h>
        #include <time.h>
        #include <unistd.h>
        static void caught(int number) { printf("caught %d\n", number); }
        int main(void) {
            signal(SIGUSR1, caught);
            raise(SIGUSR1);
            char *map = mmap(0, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            printf("%d %d %d\n", map != MAP_FAILED && map[99] == 0, clock() >= 0, getpid() > 0);
        }"#;
    let (_folder, c) = file("imitated.c", source);
    assert_eq!(json(0, &["oracle", &c])["output"], "caught 10\n1 1 1\n");
}

/// A function that is defined nowhere is an import, as in any other module: what calls it traps where it is reached.
#[test]
fn what_is_defined_nowhere_traps_where_it_is_reached() {
    if !library() {
        return;
    }
    let source = r#"
        #include <stdio.h>
        unsigned alarm(unsigned);
        int main(int argc, char **argv) { puts("before"); return argc > 1 ? (int)alarm(3) : 0; }"#;
    let (_folder, c) = file("alarm.c", source);
    let mut run = hardmax(&["oracle", &c]);
    assert_eq!(prints(0, &mut run), "before\n");
    assert!(says(0, &mut run).contains("env.alarm"));
    let trap = &json(1, &["oracle", &c, "--", "x"])["trap"]["reason"];
    assert_eq!(trap, "missing import env.alarm");
    assert!(refused(&["oracle", &c, "--strict"]).contains("env.alarm"));
}
