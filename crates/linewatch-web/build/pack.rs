//! Packs the modules of the page: one file for the first view, one for each module that is imported later.
//!
//! Input: every module with its path. Output: files in which a module is a function scope that returns its exports, in the
//! order of their dependencies. A module is in one file only, so its state exists once; later files import what earlier
//! ones hold. Whatever it does not know for certain (other forms of import, live bindings, cycles) it refuses.

use std::collections::{BTreeMap, VecDeque};

use crate::scan::{self, Piece};

/// The module that starts the page.
const START: &str = "app/main.js";
/// Where packed files are.
pub(crate) const FOLDER: &str = "pack/";

/// Part of a module's text.
#[derive(Debug)]
enum Part {
    Text(String),
    /// `import("…")` of this module.
    Later(String),
}

/// A module, taken apart.
#[derive(Debug, Default)]
struct Module {
    /// Names as `const { … } =` wants them, and the module they come from.
    imports: Vec<(String, String)>,
    exports: Vec<String>,
    body: Vec<Part>,
}

type Modules = BTreeMap<String, Module>;

/// The packed files of these modules: path and text. A module that nothing imports is left out.
///
/// # Errors
///
/// The module and the line that cannot be packed, and which form to use instead.
pub(crate) fn pack(sources: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
    let mut modules = Modules::new();
    for (path, text) in sources {
        let module = take_apart(path, text).map_err(|why| format!("{path}: {why}"))?;
        modules.insert(path.clone(), module);
    }
    let mut homes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut files: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut entries = VecDeque::from([START]);
    while let Some(entry) = entries.pop_front() {
        // What several later files need lives in the first of them, so that files never import in a circle.
        let mut members = Vec::new();
        collect(entry, &modules, &homes, &mut members, &mut Vec::new())?;
        for member in &members {
            homes.insert(member, files.len());
            entries.extend(modules[*member].body.iter().filter_map(|part| match part {
                Part::Later(path) => Some(path.as_str()),
                Part::Text(_) => None,
            }));
        }
        if !members.is_empty() {
            files.push((entry, members));
        }
    }
    let names: Vec<String> = files.iter().map(|(entry, _)| file_name(entry)).collect();
    let write = |(index, (_, members)): (usize, &(&str, Vec<&str>))| {
        let text = emit(index, members, &modules, &homes, &names);
        (format!("{FOLDER}{}", names[index]), text)
    };
    Ok(files.iter().enumerate().map(write).collect())
}

/// Adds a module after everything it imports, unless an earlier file has it.
fn collect<'a>(
    path: &'a str,
    modules: &'a Modules,
    homes: &BTreeMap<&str, usize>,
    members: &mut Vec<&'a str>,
    above: &mut Vec<&'a str>,
) -> Result<(), String> {
    if homes.contains_key(path) || members.contains(&path) {
        return Ok(());
    }
    if above.contains(&path) {
        return Err(format!(
            "{} -> {path}: modules import each other in a circle",
            above.join(" -> ")
        ));
    }
    let module = modules.get(path).ok_or_else(|| {
        format!(
            "{}: there is no module {path}",
            above.last().copied().unwrap_or(START)
        )
    })?;
    above.push(path);
    for (names, from) in &module.imports {
        collect(from, modules, homes, members, above)?;
        for name in names.split(", ").filter_map(|name| name.split(':').next()) {
            if !modules[from].exports.iter().any(|known| known == name) {
                return Err(format!("{path}: {from} exports no `{name}`"));
            }
        }
    }
    above.pop();
    members.push(path);
    Ok(())
}

fn emit(
    index: usize,
    members: &[&str],
    modules: &Modules,
    homes: &BTreeMap<&str, usize>,
    names: &[String],
) -> String {
    let mut foreign: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut text = String::new();
    for path in members {
        let module = &modules[*path];
        let scope = scope_name(path);
        text += &format!("const {scope} = (() => {{\n");
        for (wanted, from) in &module.imports {
            let held = scope_name(from);
            text += &format!("const {{ {wanted} }} = {held};\n");
            let list = foreign.entry(homes[from.as_str()]).or_default();
            if homes[from.as_str()] != index && !list.contains(&held) {
                list.push(held);
            }
        }
        for part in &module.body {
            match part {
                Part::Text(code) => text += code,
                Part::Later(path) if homes[path.as_str()] == index => {
                    text += &format!("Promise.resolve({})", scope_name(path));
                }
                Part::Later(path) => {
                    let file = &names[homes[path.as_str()]];
                    text += &format!("import(\"./{file}\").then((pack) => pack.{})", scope_name(path));
                }
            }
        }
        text += &format!("\nreturn {{ {} }};\n}})();\n", module.exports.join(", "));
    }
    let scopes: Vec<String> = members.iter().map(|path| scope_name(path)).collect();
    text += &format!("export {{ {} }};\n", scopes.join(", "));
    let heads = foreign.iter().filter(|(_, held)| !held.is_empty());
    let head: String = heads
        .map(|(home, held)| format!("import {{ {} }} from \"./{}\";\n", held.join(", "), names[*home]))
        .collect();
    head + &text
}

/// `app/ui/rows.js` as a name that no source uses.
fn scope_name(path: &str) -> String {
    path.trim_end_matches(".js").replace('/', "$")
}

fn file_name(entry: &str) -> String {
    entry.trim_start_matches("app/").replace('/', "-")
}

/// Finds the imports and exports of a module; everything else is text.
fn take_apart(path: &str, text: &str) -> Result<Module, String> {
    if !path
        .chars()
        .all(|one| one.is_ascii_alphanumeric() || matches!(one, '/' | '.'))
    {
        return Err("a module's name has letters and digits only".to_owned());
    }
    let mut pieces = VecDeque::from(scan::script(text)?);
    if awaits_at_top(&pieces) {
        return Err("`await` outside of a function: the whole page would wait".to_owned());
    }
    let mut module = Module::default();
    let mut done = String::new();
    while let Some(piece) = pieces.pop_front() {
        let mut rest = match piece {
            Piece::Literal(literal) => {
                done += &literal;
                continue;
            }
            Piece::Code(code) => code,
        };
        while let Some((at, word)) = next_word(&rest, &["import", "export"]) {
            done += &rest[..at];
            let begins_line = done.is_empty() || done.ends_with('\n');
            let after = rest[at + word.len()..].to_owned();
            rest = if word == "export" && begins_line {
                module.exports.push(exported(&after)?);
                after.trim_start().to_owned()
            } else if let Some(tail) = after.strip_prefix(".meta.url").filter(|_| word == "import") {
                done += &format!("new URL(\"../{path}\", import.meta.url).href");
                tail.to_owned()
            } else if word == "import" && after == "(" {
                let (from, tail) = source(path, &mut pieces, ")")?;
                module
                    .body
                    .extend([Part::Text(std::mem::take(&mut done)), Part::Later(from)]);
                tail
            } else if word == "import" && begins_line {
                let names = imported(&after)?;
                let (from, tail) = source(path, &mut pieces, ";")?;
                module.imports.push((names, from));
                tail
            } else {
                return Err(format!(
                    "`{word}{}` is in no form the packer knows",
                    first_line(&after)
                ));
            };
        }
        done += &rest;
    }
    module.body.push(Part::Text(done));
    Ok(module)
}

/// `{ a, b as c } from` as `a, b: c`.
fn imported(after: &str) -> Result<String, String> {
    let inner = after
        .strip_prefix(" { ")
        .and_then(|rest| rest.strip_suffix(" } from "));
    let names: Option<Vec<String>> = inner.map(|inner| inner.split(", ")).and_then(|list| {
        list.map(|name| match name.split_once(" as ") {
            Some((theirs, ours)) => (is_name(theirs) && is_name(ours)).then(|| format!("{theirs}: {ours}")),
            None => is_name(name).then(|| name.to_owned()),
        })
        .collect()
    });
    let form = "write `import { a, b as c } from \"./d.js\";` on one line";
    names
        .map(|names| names.join(", "))
        .ok_or_else(|| format!("`import{}`: {form}", first_line(after)))
}

/// The name after `export`: of what can never get another value.
fn exported(after: &str) -> Result<String, String> {
    let kinds = [" const ", " async function ", " function ", " class "];
    let rest = kinds.iter().find_map(|kind| after.strip_prefix(kind));
    let name = rest.and_then(|rest| rest.split([' ', '(', '=']).next());
    let form =
        "write `export const`, `export function`, `export async function` or `export class`, one name each";
    name.filter(|name| is_name(name))
        .map(str::to_owned)
        .ok_or_else(|| format!("`export{}`: {form}", first_line(after)))
}

/// The module named next, and what follows its end.
fn source(path: &str, pieces: &mut VecDeque<Piece>, end: &str) -> Result<(String, String), String> {
    let (Some(Piece::Literal(literal)), Some(Piece::Code(tail))) = (pieces.pop_front(), pieces.pop_front())
    else {
        return Err("an import names its module in double quotes".to_owned());
    };
    let from = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let from = from.filter(|from| from.starts_with("./") || from.starts_with("../"));
    let (Some(from), Some(tail)) = (from, tail.strip_prefix(end)) else {
        return Err(format!(
            "{literal}: an import is of \"./…\" or \"../…\" and ends with `{end}`"
        ));
    };
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in from.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    Ok((parts.join("/"), tail.to_owned()))
}

/// The first of these words that stands alone and is no property.
fn next_word<'a>(code: &str, words: &[&'a str]) -> Option<(usize, &'a str)> {
    let is_part = |one: char| one.is_alphanumeric() || matches!(one, '_' | '$');
    let mut found: Vec<(usize, &str)> = Vec::new();
    for word in words {
        let alone = code.match_indices(word).find(|(at, _)| {
            let before = code[..*at].chars().next_back();
            let after = code[at + word.len()..].chars().next();
            !before.is_some_and(|one| is_part(one) || one == '.' || one == '#') && !after.is_some_and(is_part)
        });
        found.extend(alone.map(|(at, _)| (at, *word)));
    }
    found.into_iter().min()
}

fn awaits_at_top(pieces: &VecDeque<Piece>) -> bool {
    let mut depth = 0_i32;
    for piece in pieces {
        let Piece::Code(code) = piece else { continue };
        for part in code.split_inclusive(['{', '}', '(', ')']) {
            if depth == 0 && next_word(part, &["await"]).is_some() {
                return true;
            }
            match part.chars().last() {
                Some('{' | '(') => depth += 1,
                Some('}' | ')') => depth -= 1,
                _ => {}
            }
        }
    }
    false
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}
