//! The evaluation on the model's page, and its measurements beside the brief's limits.

use egui::Key;

use crate::driver::{CTRL, Window, stored};

#[test]
fn one_click_evaluates_and_an_edited_brief_judges_at_once() {
    let mut window = Window::churn();
    window.assert_says("not measured");
    window.press(CTRL, Key::Num2);
    window.assert_says("was not asked the labelled rows of data/labelled.csv");
    window.click("Evaluate");
    window.until("the evaluation", |window| window.workbench().evaluated().is_some());
    for words in [
        "1,500 rows of data/labelled.csv",
        "0.93 (0.91 – 0.94)",
        "true 1, answered 0: 129 rows, 26 %",
        "class 1, AUC 0.925 (0.911 – 0.939)",
        "as the model itself answers",
        "churn 1.1.0, ROC-AUC 0.93",
    ] {
        window.assert_says(words);
    }
    window.assert_silent("not met");

    window.press(CTRL, Key::Num1);
    window.assert_says("registered");
    window.type_into("Success metric", "AUC > 0.95");
    window.assert_says("0.93 (0.91 – 0.94)");
    window.assert_says("not met");
    window.type_into("Expected output", "Probability of class 1, threshold 0.3");
    window.press(CTRL, Key::Num2);
    window.assert_says("1 is answered from a probability of 0.3, as the brief says");
    window.assert_says("true 1, answered 0: 89 rows, 18 %");
    window.assert_says("not met");
}

#[test]
fn labelled_data_is_declared_where_it_is_missing_and_a_failure_is_shown_in_its_place() {
    let mut window = Window::churn_changed(|root| {
        let path = root.join("project.ron");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("labelled:"));
        std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    });
    window.press(CTRL, Key::Num2);
    window.assert_says("Name a file of rows with their true answers");
    assert!(!window.is_enabled("Use this data"));
    window.type_into("Path of the labelled data", "data/labelled.csv");
    window.type_into("Column of the true answer", "left");
    window.click("Use this data");
    window.click("Evaluate");
    window.until_says("The labelled data has no column left");
    window.assert_says("churn 1.1.0, not evaluated");
    window.click("Dismiss");
    window.assert_silent("has no column left");
    assert!(window.workbench().evaluated().is_none());
    window.click("Other labelled data…");
    assert_eq!(window.typed("Path of the labelled data"), "data/labelled.csv");
    window.type_into("Column of the true answer", "churned");
    window.click("Use this data");
    window.click("Evaluate");
    window.until("the evaluation", |window| window.workbench().evaluated().is_some());
    window.assert_silent("Use this data");
}

#[test]
fn a_regressor_shows_its_answers_against_the_truth() {
    let mut window = Window::new_project();
    window.drop_file(&stored("linear_regression.onnx"));
    window.until("the first version", |window| window.versions() == ["1.0.0"]);
    let rows: Vec<String> = (0..30).map(|k| format!("{},0.5,{},1,{}", f64::from(k) / 10.0, k % 7, k % 5)).collect();
    let path = window.beside("rows.csv", format!("X_0,X_1,X_2,X_3,y\n{}\n", rows.join("\n")).as_bytes());
    window.type_into("Path of the labelled data", &path.display().to_string());
    window.type_into("Column of the true answer", "y");
    window.click("Use this data");
    window.click("Evaluate");
    window.until("the evaluation", |window| window.workbench().evaluated().is_some());
    for words in ["RMSE", "MAE", "R²", "Answers beside the true values", "30 rows of"] {
        window.assert_says(words);
    }
}
