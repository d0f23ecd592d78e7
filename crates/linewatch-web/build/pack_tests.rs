//! The packer's promises, on small graphs. Whether browsers agree is seen by the browser suite.

use std::collections::BTreeMap;

use crate::pack::pack;

fn packed(sources: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
    let sources = sources
        .iter()
        .map(|(path, text)| (format!("app/{path}.js"), (*text).to_owned()))
        .collect();
    pack(&sources).map(|files| files.into_iter().collect())
}

fn refusal(text: &str) -> String {
    packed(&[("main", text), ("a", "export const a = 1;\n")]).expect_err(text)
}

#[test]
fn a_module_comes_after_what_it_imports() {
    let files = packed(&[
        ("main", "import { b as c } from \"./ui/b.js\";\nc();\n"),
        (
            "ui/b",
            "/** Why. */\nimport { A } from \"../a.js\";\nexport function b() { return A; }\n",
        ),
        ("a", "export const A = 1;\n"),
    ])
    .expect("packed");
    let text = &files["pack/main.js"];
    assert_eq!(
        *text,
        "const app$a = (() => {\nconst A = 1;\n\nreturn { A };\n})();\n\
         const app$ui$b = (() => {\nconst { A } = app$a;\n\nfunction b() { return A; }\n\nreturn { b };\n})();\n\
         const app$main = (() => {\nconst { b: c } = app$ui$b;\n\nc();\n\nreturn {  };\n})();\n\
         export { app$a, app$ui$b, app$main };\n"
    );
    assert_eq!(files.len(), 1);
}

#[test]
fn what_comes_later_shares_the_modules_that_are_there() {
    let files = packed(&[
        ("main", "import { s } from \"./store.js\";\nconst go = () => import(\"./page.js\");\nconst on = () => import(\"./menu.js\");\n"),
        ("store", "export const s = new Map();\n"),
        ("page", "import { s } from \"./store.js\";\nimport { both } from \"./both.js\";\nexport class Page {}\n"),
        ("menu", "import { both } from \"./both.js\";\nexport async function menu() { await import(\"./page.js\"); }\n"),
        ("both", "export const both = [];\n"),
        ("never", "export const never = 1;\n"),
    ])
    .expect("packed");
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["pack/main.js", "pack/menu.js", "pack/page.js"]
    );
    assert!(files["pack/main.js"].contains("import(\"./page.js\").then((pack) => pack.app$page)"));
    assert!(files["pack/page.js"].starts_with("import { app$store } from \"./main.js\";\nconst app$both ="));
    assert!(files["pack/menu.js"].starts_with("import { app$both } from \"./page.js\";\nconst app$menu ="));
    let made = files.values().filter(|text| text.contains("new Map()")).count();
    assert_eq!(made, 1, "a module's state exists once");
}

#[test]
fn an_address_beside_a_module_stays_where_the_module_is() {
    let files = packed(&[(
        "main",
        "const u = new URL(\"../i18n/en.json\", import.meta.url);\n",
    )])
    .expect("packed");
    assert!(
        files["pack/main.js"]
            .contains("new URL(\"../i18n/en.json\", new URL(\"../app/main.js\", import.meta.url).href)")
    );
}

#[test]
fn forms_it_does_not_know_are_refused_with_the_form_to_use() {
    for text in [
        "import a from \"./a.js\";\n",
        "import * as a from \"./a.js\";\n",
        "import \"./a.js\";\n",
        "import {\n  a,\n} from \"./a.js\";\n",
        "import { a } from \"pkg\";\n",
        "export let a = 1;\n",
        "export default a;\n",
        "export { a };\n",
        "export { a } from \"./a.js\";\n",
        "export const { a } = b;\n",
        "const a = import(name);\n",
        "const a = import.meta.env;\n",
        "const a = { export: 1 };\n",
        "const a = await b;\n",
    ] {
        let error = refusal(text);
        assert!(error.starts_with("app/main.js: "), "{text}: {error}");
    }
    assert!(refusal("export let a = 1;\n").contains("write `export const`"));
    assert!(refusal("import { b } from \"./a.js\";\n").contains("exports no `b`"));
    assert!(refusal("import { b } from \"./b.js\";\n").contains("there is no module app/b.js"));
}

#[test]
fn words_in_literals_comments_and_properties_are_no_imports() {
    let text =
        "// import x\nconst a = \"export let\";\nconst b = `import ${a.import} export`;\nwatch.export(a);\n";
    let files = packed(&[("main", text)]).expect("packed");
    assert!(files["pack/main.js"].contains("`import ${a.import} export`"));
}

#[test]
fn a_circle_is_refused_with_its_way() {
    let error = packed(&[
        ("main", "import { a } from \"./a.js\";\n"),
        ("a", "import { b } from \"./b.js\";\nexport const a = 1;\n"),
        ("b", "import { a } from \"./a.js\";\nexport const b = 1;\n"),
    ])
    .expect_err("a circle");
    assert!(
        error.contains("app/main.js -> app/a.js -> app/b.js -> app/a.js"),
        "{error}"
    );
}
