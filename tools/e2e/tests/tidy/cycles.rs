//! No two files import each other, directly or through other files.
//!
//! A file imports another one if it names a path into that file's module. Declaring a module (`mod child;`) is not an import, so
//! a parent may declare its children, and a child may import from its parent unless the parent uses the child.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{CRATES, of_crate};
use crate::syntax::Syntax;

/// The files that every file imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn files_do_not_import_each_other() {
    let cycles: Vec<Vec<String>> = CRATES.into_iter().flat_map(|folder| cycles(&imports(folder))).collect();
    let cycles: Vec<String> = cycles.iter().map(|files| files.join(" <-> ")).collect();
    assert!(cycles.is_empty(), "{} import cycles:\n{}", cycles.len(), cycles.join("\n"));
}

/// The imports of all files of a crate.
fn imports(folder: &str) -> Imports {
    let files = of_crate(folder);
    let modules: BTreeMap<Vec<String>, &str> =
        files.iter().map(|file| (module(&file.path[folder.len() + "/src/".len()..]), &*file.path)).collect();
    let of_file = |(from, path): (&Vec<String>, &&str)| {
        let text = &files.iter().find(|file| file.path == **path).unwrap().text;
        let paths = Syntax::of(text).paths;
        let aliases = aliases(from, &paths, &modules);
        let full = paths.iter().map(|path| match path.split_first() {
            Some((first, rest)) if aliases.contains_key(first) => [&aliases[first], rest].concat(),
            _ => path.clone(),
        });
        let imported: Vec<&str> = full.filter_map(|path| resolve(from, &path, &modules)).collect();
        let imported = imported.into_iter().filter(|file| file != path);
        ((*path).to_owned(), imported.map(str::to_owned).collect())
    };
    modules.iter().map(of_file).collect()
}

/// Names of imported modules, with the absolute path of each: after `use crate::log`, `log::append` is a path into `log`.
fn aliases(
    from: &[String],
    paths: &[Vec<String>],
    modules: &BTreeMap<Vec<String>, &str>,
) -> BTreeMap<String, Vec<String>> {
    let mut aliases = BTreeMap::new();
    for path in paths.iter().filter(|path| path.len() > 1) {
        let absolute = match path[0].as_str() {
            "crate" => path[1..].to_vec(),
            "super" if path.len() == 2 && !from.is_empty() => [&from[..from.len() - 1], &path[1..]].concat(),
            _ => continue,
        };
        if modules.contains_key(&absolute) {
            aliases.insert(path[path.len() - 1].clone(), [&["crate".to_owned()], absolute.as_slice()].concat());
        }
    }
    aliases
}

/// Path of the module of a file: `log/append.rs` is `log::append`, and `lib.rs` is the root.
fn module(file: &str) -> Vec<String> {
    let name = file.trim_end_matches(".rs");
    if name == "lib" { Vec::new() } else { name.split('/').map(str::to_owned).collect() }
}

/// The file of the module that a path leads to; `None` for a path into another crate, or within the file itself.
fn resolve<'a>(from: &[String], path: &[String], modules: &BTreeMap<Vec<String>, &'a str>) -> Option<&'a str> {
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    let (mut module, rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (from.to_vec(), &path[1..]),
        "super" => (from[..from.len().checked_sub(supers)?].to_vec(), &path[supers..]),
        first => {
            let child = [from, &[first.to_owned()]].concat();
            modules.contains_key(&child).then_some((child, &path[1..]))?
        }
    };
    for segment in rest {
        module.push(segment.clone());
        if !modules.contains_key(&module) {
            module.pop();
            break;
        }
    }
    modules.get(&module).copied()
}

/// Groups of files that import each other: files that can reach each other by following imports.
fn cycles(imports: &Imports) -> Vec<Vec<String>> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (&**file, reachable(file, imports))).collect();
    let mut groups = BTreeSet::new();
    for (file, reached) in &reachable {
        if reached.contains(file) {
            let group = reached.iter().filter(|other| reachable[*other].contains(file));
            groups.insert(group.map(|file| (*file).to_owned()).collect::<Vec<_>>());
        }
    }
    groups.into_iter().collect()
}

fn reachable<'a>(file: &str, imports: &'a Imports) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
    while let Some(file) = open.pop() {
        let next = imports[file].iter().map(String::as_str);
        open.extend(next.filter(|next| reached.insert(*next)).collect::<Vec<_>>());
    }
    reached
}

#[test]
fn a_cycle_through_three_files_is_found() {
    let imports: Imports = [("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["a"]), ("d", vec!["a"])]
        .into_iter()
        .map(|(file, imported)| (file.to_owned(), imported.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(cycles(&imports), [["a", "b", "c"]]);
}

#[test]
fn imports_are_found_by_absolute_and_by_relative_paths() {
    let imports = imports("tools/e2e");
    let imports = |file: &str, imported: &str| {
        imports[&format!("tools/e2e/src/{file}")].contains(&format!("tools/e2e/src/{imported}"))
    };
    assert!(imports("api.rs", "fleet.rs"), "use crate::fleet");
    assert!(imports("audit.rs", "audit/report.rs"), "pub use report");
    assert!(imports("client_history/retries.rs", "client_history/acks.rs"), "use super::acks");
    assert!(imports("checkers/cache.rs", "log.rs"), "use crate::log, then log::connect");
    assert!(!imports("audit.rs", "audit.rs") && !imports("fleet.rs", "api.rs"));
}
