//! Widgets as a keyboard, a pointer and a screen reader meet them: through the accessibility tree.

use egui::accesskit::Toggled;
use egui::{Key, Role, Ui};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use trestle::gui::theme::{self, Verdict};
use trestle::gui::widgets::{
    Answer, Button, Card, Column, Confirm, Field, LearnSection, Passage, RailItem, Stat, Table, Toasts, Tone, activity,
    cell, cell_number, check, chip, code_block, columns, details, drop_overlay, empty_state, icon_button, notice_with,
    page_header, primary_button, problem_panel, project_button, rail_button, secondary_button, segmented, select,
};
use trestle::gui::widgets::{Icon, term};
use trestle::problem::Problem;

/// A harness with Trestle's theme; every run of it also checks that no input is without a name.
fn harness<'a, State: 'a>(state: State, ui: impl FnMut(&mut Ui, &mut State) + 'a) -> Harness<'a, State> {
    Harness::builder()
        .with_size([900.0, 700.0])
        .with_context_setup(|ctx| {
            theme::install(ctx);
            ctx.all_styles_mut(|style| style.animation_time = 0.0);
        })
        .build_ui_state(ui, state)
}

#[test]
fn a_button_says_once_that_it_was_pressed() {
    let mut harness = harness(0, |ui, presses: &mut u32| {
        if primary_button(ui, "Run benchmark").clicked() {
            *presses += 1;
        }
    });
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Run benchmark").click();
    harness.run();
    assert_eq!(*harness.state(), 1);
}

#[test]
fn a_disabled_button_is_said_to_be_so_and_cannot_be_pressed() {
    let mut harness = harness(false, |ui, pressed: &mut bool| {
        *pressed |= ui.add_enabled(false, Button::new(Tone::Secondary, "Run locally")).clicked();
    });
    harness.run();
    let button = harness.get_by_label("Run locally");
    assert!(button.accesskit_node().is_disabled());
    button.click();
    harness.run();
    assert!(!*harness.state());
}

#[test]
fn the_keyboard_goes_from_button_to_button_and_presses() {
    let mut harness = harness(Vec::new(), |ui, pressed: &mut Vec<&str>| {
        for label in ["First", "Second"] {
            if secondary_button(ui, label).clicked() {
                pressed.push(label);
            }
        }
    });
    harness.run();
    harness.key_press(Key::Tab);
    harness.run();
    assert!(harness.get_by_label("First").is_focused());
    harness.key_press(Key::Tab);
    harness.run();
    assert!(harness.get_by_label("Second").is_focused());
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(*harness.state(), ["Second"]);
}

#[test]
fn an_icon_alone_has_a_name() {
    let mut harness =
        harness(false, |ui, closed: &mut bool| *closed |= icon_button(ui, Icon::Close, "Close").clicked());
    harness.run();
    harness.get_by_label("Close").click();
    harness.run();
    assert!(*harness.state());
}

#[test]
fn a_field_is_found_by_its_label_and_edits_its_text() {
    let mut harness = harness("< 200ms".to_owned(), |ui, answer: &mut String| {
        let understood = answer.starts_with('<').then_some("p95 ≤ 200 ms");
        Field::new("Latency", answer).understood(understood).show(ui);
    });
    harness.run();
    assert!(harness.query_by_label_contains("p95 ≤ 200 ms").is_some());
    harness.get_by_role_and_label(Role::TextInput, "Latency").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Latency").type_text(" per prediction");
    harness.run();
    assert_eq!(harness.state(), "< 200ms per prediction");
    harness.state_mut().clear();
    harness.run();
    assert!(harness.query_by_label_contains("Understood as").is_none());
}

#[test]
fn a_field_without_a_visible_label_still_has_its_name() {
    let mut harness = harness(String::new(), |ui, answer: &mut String| {
        Field::new("Retraining", answer).unlabelled().wraps().placeholder("weekly").show(ui);
    });
    harness.run();
    harness.get_by_label("Retraining").focus();
    harness.run();
    harness.get_by_label("Retraining").type_text("daily");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state(), "daily", "Enter ends a one-line answer");
}

#[test]
fn a_field_names_its_problem() {
    let mut harness = harness("soon".to_owned(), |ui, answer: &mut String| {
        Field::new("Retraining", answer).understood(Some("never")).problem(Some("No interval in it")).show(ui);
    });
    harness.run();
    assert!(harness.query_by_label("No interval in it").is_some());
    assert!(harness.query_by_label_contains("Understood as").is_none());
}

#[test]
fn choices_change_what_they_stand_for() {
    let mut harness = harness((0, 1, false), |ui, (length, profile, pull): &mut (usize, usize, bool)| {
        segmented(ui, "Length", length, &["Quick", "Standard"]);
        select(ui, "Profile", profile, &["prototype", "production"]);
        check(ui, pull, "Pull first");
    });
    harness.run();
    harness.get_by_role_and_label(Role::RadioButton, "Standard").click();
    harness.get_by_role_and_label(Role::CheckBox, "Pull first").click();
    harness.run();
    assert_eq!(harness.get_by_label("Pull first").accesskit_node().toggled(), Some(Toggled::True));
    harness.get_by_role_and_label(Role::ComboBox, "Profile").click();
    harness.run();
    harness.get_by_label("prototype").click();
    harness.run();
    assert_eq!(*harness.state(), (1, 0, true));
    assert!(harness.query_by_label("prototype").is_none(), "the list closes");
}

#[test]
fn a_row_is_picked_and_only_what_is_in_view_is_laid_out() {
    let table_columns = [Column::text("name"), Column::number("value")];
    let mut harness = harness((None, 0), move |ui, (picked, drawn): &mut (Option<usize>, usize)| {
        *drawn = 0;
        let row =
            Table::new("Rows", &table_columns).pick(*picked).max_height(200.0).show(ui, 100_000, |ui, row, column| {
                *drawn += 1;
                if column == 0 {
                    cell(ui, format!("row {row}"))
                } else {
                    cell_number(ui, "1.0")
                };
            });
        *picked = row.or(*picked);
    });
    harness.run();
    assert!(harness.state().1 < 40, "{} cells drawn", harness.state().1);
    harness.get_by_label("row 2").click();
    harness.run();
    assert_eq!(harness.state().0, Some(2));
}

#[test]
fn a_short_table_shows_every_row_under_its_heads() {
    let table_columns = [Column::text("percentile").exact(90.0), Column::number("ms"), Column::text("trust")];
    let mut harness = harness((), move |ui, ()| {
        Table::new("Percentiles", &table_columns).show(ui, 3, |ui, row, column| {
            cell(ui, format!("{row}/{column}"));
        });
    });
    harness.run();
    let (head, first) = (harness.get_by_label("trust").rect(), harness.get_by_label("0/2").rect());
    assert!((head.left() - first.left()).abs() < 0.6 && head.bottom() < first.top());
    let (head, first) = (harness.get_by_label("ms").rect(), harness.get_by_label("2/1").rect());
    assert!((head.right() - first.right()).abs() < 0.6, "numbers end where their head ends");
}

#[test]
fn the_rail_says_state_and_substance_and_opens_the_step() {
    let mut harness = harness(None, |ui, open: &mut Option<usize>| {
        project_button(ui, "Customer churn", "projects/churn");
        for (idx, name) in ["Brief", "Model"].into_iter().enumerate() {
            let item = RailItem::new(idx + 1, name, "8 of 8 answered").verdict(Verdict::Pass);
            if item.selected(*open == Some(idx)).show(ui).clicked() {
                *open = Some(idx);
            }
        }
        rail_button(ui, Icon::Help, "Learn", "F1");
    });
    harness.run();
    harness.get_by_label("2 Model, passes, 8 of 8 answered").click();
    harness.run();
    assert_eq!(*harness.state(), Some(1));
    assert!(harness.query_by_label("Project Customer churn, projects/churn").is_some());
    assert!(harness.query_by_label("Learn").is_some());
}

#[test]
fn a_problem_says_what_where_and_how_and_offers_to_retry() {
    let problem = Problem::new("Docker does not answer", "/var/run/docker.sock", "Start it, then try again.");
    let mut harness = harness(false, move |ui, retried: &mut bool| {
        *retried |= problem_panel(ui, &problem, Some("Try again"));
    });
    harness.run();
    for part in ["/var/run/docker.sock", "Start it, then try again."] {
        assert!(harness.query_by_label(part).is_some(), "{part}");
    }
    assert!(harness.query_by_role_and_label(Role::Alert, "Docker does not answer").is_some());
    harness.get_by_label("Try again").click();
    harness.run();
    assert!(*harness.state());
}

#[test]
fn a_question_is_answered_by_its_buttons_or_by_escape() {
    for (press, answer) in [(Some("Promote"), Answer::Yes), (Some("Cancel"), Answer::No), (None, Answer::No)] {
        let mut harness = harness(None, |ui, answer: &mut Option<Answer>| {
            if answer.is_none() {
                *answer = Confirm::new("Promote 1.1.0?", "It becomes champion.", "Promote").show(ui.ctx());
            }
        });
        harness.run();
        assert!(harness.query_by_role_and_label(Role::Dialog, "Promote 1.1.0?").is_some());
        match press {
            Some(label) => harness.get_by_label(label).click(),
            None => harness.key_press(Key::Escape),
        }
        harness.run();
        assert_eq!(*harness.state(), Some(answer), "{press:?}");
    }
}

#[test]
fn a_dialog_keeps_its_answer_to_itself_until_it_is_given() {
    let mut harness = harness(Vec::new(), |ui, answers: &mut Vec<Answer>| {
        answers.extend(Confirm::new("Remove?", "", "Remove").danger().show(ui.ctx()));
    });
    harness.run();
    assert!(harness.state().is_empty());
}

#[test]
fn a_toast_goes_by_itself_and_a_failure_stays_until_closed() {
    let mut toasts = Toasts::default();
    toasts.say(Verdict::Pass, "Exported");
    toasts.say(Verdict::Fail, "Disk full");
    let mut harness = harness(toasts, |ui, toasts: &mut Toasts| toasts.show(ui.ctx()));
    harness.run_steps(4);
    assert!(harness.query_by_role_and_label(Role::Status, "Exported").is_some());
    harness.run_steps(40);
    assert!(harness.query_by_role_and_label(Role::Status, "Exported").is_none());
    assert!(harness.query_by_role_and_label(Role::Alert, "Disk full").is_some());
    harness.get_by_label("Close").click();
    harness.run_steps(4);
    assert!(harness.state().is_empty());
}

#[test]
fn the_newest_of_many_toasts_is_closed_by_escape_and_all_of_them_at_once() {
    let mut toasts = Toasts::default();
    for n in 1..=7 {
        toasts.say(Verdict::Fail, format!("Failure {n}"));
    }
    let mut harness = harness(toasts, |ui, toasts: &mut Toasts| toasts.show(ui.ctx()));
    harness.run_steps(4);
    let n_shown = |harness: &Harness<'_, Toasts>| harness.query_all_by(|node| node.role() == Role::Alert).count();
    assert_eq!(n_shown(&harness), 4, "older ones wait");
    assert!(harness.query_by_role_and_label(Role::Alert, "Failure 7").is_some());
    harness.key_press(Key::Escape);
    harness.run_steps(4);
    assert!(harness.query_by_role_and_label(Role::Alert, "Failure 7").is_none());
    assert!(harness.query_by_role_and_label(Role::Alert, "Failure 3").is_some());
    harness.get_by_role_and_label(Role::Button, "Close all 6").click();
    harness.run_steps(4);
    assert!(harness.state().is_empty());
}

#[test]
fn a_toast_of_many_words_stays_on_the_window_and_can_be_closed() {
    let mut toasts = Toasts::default();
    toasts.say(Verdict::Fail, "word ".repeat(5_000));
    let mut harness = harness(toasts, |ui, toasts: &mut Toasts| toasts.show(ui.ctx()));
    harness.run_steps(4);
    let close = harness.get_by_label("Close").rect();
    assert!(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(900.0, 700.0)).contains_rect(close), "{close}");
    harness.get_by_label("Close").click();
    harness.run_steps(4);
    assert!(harness.state().is_empty());
}

#[test]
fn code_is_copied() {
    let mut harness = harness((), |ui, ()| {
        code_block(ui, "Command", "docker run churn:1.1.0");
    });
    harness.run();
    harness.get_by_label("Copy").click();
    harness.run_ok();
    harness.step();
    assert!(harness.query_by_label("Copied").is_some());
}

#[test]
fn details_open_and_close() {
    let mut harness = harness((), |ui, ()| details(ui, "Build log", "step 1"));
    harness.run();
    assert!(harness.query_by_label("step 1").is_none());
    harness.get_by_role_and_label(Role::Button, "Build log").click();
    harness.run();
    assert!(harness.query_by_label("step 1").is_some());
}

#[test]
fn a_running_job_can_be_cancelled() {
    let mut harness = harness(false, |ui, cancelled: &mut bool| {
        ui.horizontal(|ui| *cancelled |= activity(ui, "Building", Some(0.4), "0:12"));
    });
    harness.run();
    let bar = harness.get_by_role_and_label(Role::ProgressIndicator, "Building");
    assert_eq!(bar.accesskit_node().numeric_value(), Some(40.0));
    harness.get_by_label("Cancel").click();
    harness.run();
    assert!(*harness.state());
}

#[test]
fn learning_leads_from_term_to_term() {
    let mut harness = harness(None, |ui, pressed: &mut Option<usize>| {
        let section = LearnSection {
            title: "Scope first",
            passages: &[Passage::Text("One page."), Passage::Quote("Nobody pours concrete first.")],
            terms: &["brief", "scope"],
        };
        *pressed = section.show(ui).or(*pressed);
        term(ui, "ledger");
    });
    harness.run();
    assert!(harness.query_by_role_and_label(Role::Heading, "Scope first").is_some());
    harness.get_by_role_and_label(Role::Link, "scope").click();
    harness.run();
    assert_eq!(*harness.state(), Some(1));
}

#[test]
fn a_whole_page_says_its_parts() {
    let mut harness = harness(Vec::new(), |ui, pressed: &mut Vec<&str>| {
        page_header(ui, "Benchmark", "How fast it answers.", |ui| {
            if primary_button(ui, "Run").clicked() {
                pressed.push("run");
            }
            secondary_button(ui, "Export");
        });
        Card::new("Result").remark("one thread").show(ui, |ui| {
            columns(ui, &[1.0, 1.0], |ui, column| {
                if column == 0 {
                    Stat::new("Brief says p95 ≤ 200 ms", "3.1").unit("ms").verdict(Verdict::Pass, "meets it").show(ui);
                } else {
                    chip(ui, Verdict::Stale, "stale");
                }
            });
        });
        let _ = notice_with(ui, Verdict::Warn, "Changed on disk", |ui| secondary_button(ui, "Reload"));
        empty_state(ui, Icon::Drop, "No model yet", "Drop one.", |ui| {
            if secondary_button(ui, "Use the example").clicked() {
                pressed.push("example");
            }
        });
    });
    harness.run();
    assert!(harness.query_by_role_and_label(Role::Heading, "Benchmark").is_some());
    assert!(harness.query_by_role_and_label(Role::Group, "Result").is_some());
    for words in ["3.1 ms", "meets it", "stale", "one thread"] {
        assert!(harness.query_by_label(words).is_some(), "{words}");
    }
    harness.get_by_label("Run").click();
    harness.get_by_label("Use the example").click();
    harness.run();
    assert_eq!(*harness.state(), ["run", "example"]);
    let (run, export) = (harness.get_by_label("Run").rect(), harness.get_by_label("Export").rect());
    assert!(export.right() < run.left(), "the primary action stands rightmost");
}

#[test]
fn the_drop_overlay_says_what_will_happen() {
    let mut harness = harness((), |ui, ()| drop_overlay(ui.ctx(), "Add as version 1.2.0", "compared first"));
    harness.run();
    assert!(harness.query_by_role_and_label(Role::Status, "Add as version 1.2.0").is_some());
    assert!(harness.query_by_label("compared first").is_some());
}

#[test]
fn columns_go_below_one_another_where_it_is_narrow() {
    let mut harness = harness(900.0_f32, |ui, width: &mut f32| {
        ui.set_max_width(*width);
        columns(ui, &[1.0; 4], |ui, column| drop(ui.label(format!("column {column}"))));
    });
    harness.run();
    let top = |harness: &Harness<'_, f32>, idx: u32| harness.get_by_label(&format!("column {idx}")).rect().top();
    assert!((top(&harness, 0) - top(&harness, 3)).abs() < 0.5);
    *harness.state_mut() = 400.0;
    harness.run();
    assert!((top(&harness, 0) - top(&harness, 1)).abs() < 0.5);
    assert!(top(&harness, 1) + 10.0 < top(&harness, 2));
}
