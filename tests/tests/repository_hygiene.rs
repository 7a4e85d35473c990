//! Habits that no compiler checks, over every file of the repository.

use vesta_tests::{files, read};

/// Files that end in `suffix`, with their text.
fn texts(suffix: &str) -> Vec<(String, String)> {
    let files = files().into_iter().filter(|file| file.ends_with(suffix));
    files.filter_map(|file| read(&file).map(|text| (file, text))).collect()
}

/// Fails with every line that holds one of `needles`.
fn assert_absent(texts: &[(String, String)], needles: &[&str], why: &str) {
    let mut found = Vec::new();
    for (file, text) in texts {
        for (number, line) in text.lines().enumerate() {
            if needles.iter().any(|needle| line.contains(needle)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{why}: {found:#?}");
}

// The needles are glued together so that this file does not hold what it looks for.

#[test]
fn no_file_names_a_folder_of_somebody_s_machine() {
    let needles = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/Us", "ers/"),
    ];
    assert_absent(&texts(""), &needles, "absolute paths that exist on one machine only");
}

#[test]
fn nothing_is_left_for_later() {
    let needles = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
    ];
    assert_absent(&texts(".rs"), &needles, "unfinished or switched off");
}

#[test]
fn every_crate_takes_the_workspace_s_lints() {
    let missing: Vec<_> = texts("/Cargo.toml")
        .into_iter()
        .filter(|(_, text)| !text.contains("[lints]\nworkspace = true"))
        .map(|(file, _)| file)
        .collect();
    assert!(missing.is_empty(), "without `[lints] workspace = true`: {missing:?}");
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let silent: Vec<_> = texts(".rs")
        .into_iter()
        .filter(|(_, text)| !text.trim_start().starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "do not begin with a //! comment: {silent:?}");
}

#[test]
fn every_decision_is_in_the_index() {
    let index = read("docs/decisions/README.md").expect("the index is text");
    let folder = "docs/decisions/";
    let lost: Vec<_> = files()
        .into_iter()
        .filter_map(|file| file.strip_prefix(folder).map(str::to_owned))
        .filter(|name| name != "README.md" && !index.contains(&format!("]({name})")))
        .collect();
    assert!(lost.is_empty(), "not linked from {folder}README.md: {lost:?}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (file, text) in texts(".md") {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let elsewhere = target.is_empty() || target.contains("://");
            if !elsewhere && !vesta_tests::root().join(folder).join(target).exists() {
                broken.push(format!("{file}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
