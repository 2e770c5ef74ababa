//! What the documents say of the repository is so: they name files that are there, and count the
//! instructions right.

use std::fs;
use std::path::{Path, PathBuf};

use hardmax::machine::Op;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let others = ["README.md", "CHANGELOG.md", "programs/README.md"].map(|name| root().join(name));
    let markdown = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let paths = docs.filter(markdown).chain(others);
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// What stands between two marks, everywhere.
fn between<'t>(text: &'t str, open: &str, close: char) -> Vec<&'t str> {
    text.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

#[test]
fn documents_link_to_files_that_are_there() {
    let mut links = 0;
    for (document, text) in documents() {
        for link in between(&text, "](", ')').iter().filter(|link| !link.contains("://")) {
            let file = link.split('#').next().unwrap();
            let target = document.parent().unwrap().join(file);
            let target = match file.strip_prefix("../") {
                Some(file) => root().join(file),
                None => target,
            };
            assert!(target.exists(), "{}: {link}", document.display());
            links += 1;
        }
    }
    assert!(links > 0);
}

/// Between backticks: paths from the root, or from the folder of the document.
#[test]
fn documents_name_files_that_are_there() {
    const ROOMS: [&str; 8] =
        ["src/", "tests/", "docs/", "models/", "programs/", "benches/", "examples/", ".ci/"];
    let mut names = 0;
    for (document, text) in documents() {
        // Names of code go on one line, so odd backticks within blocks do no harm.
        for line in text.lines() {
            for quoted in line.split('`').skip(1).step_by(2) {
                for word in quoted.split_whitespace() {
                    let is_path = ROOMS.iter().any(|room| word.starts_with(room));
                    let is_output = word.ends_with("NAME.txt");
                    if is_path && !is_output {
                        assert!(Path::exists(&root().join(word)), "{}: {word}", document.display());
                        names += 1;
                    }
                }
            }
        }
    }
    assert!(names > 10, "{names}");
}

#[test]
fn documents_count_the_instructions() {
    let count = format!("{} instructions", Op::ALL.len());
    for name in ["README.md", "CHANGELOG.md", "docs/architecture.md"] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&count), "{name} does not say {count}");
    }
}
