//! The learn drawer: pages, index, the way back.

use egui::accesskit::Role;
use egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::Queryable as _;

use crate::driver::{CTRL, Window};

#[track_caller]
fn follow(window: &mut Window, link: &str) {
    window.harness.get_by_role_and_label(Role::Link, link).click();
    window.rest();
}

#[test]
fn each_step_has_its_concept() {
    let mut window = Window::churn();
    for (key, title) in [
        (Key::Num1, "Scope first"),
        (Key::Num2, "A model is a contract"),
        (Key::Num3, "Measuring honestly"),
        (Key::Num4, "The production checklist"),
        (Key::Num5, "Data drift"),
        (Key::Num6, "Build, ask, then tag"),
    ] {
        window.press(CTRL, key);
        assert!(window.shows_page(title), "{title}");
    }
    let window = Window::empty();
    assert!(window.shows_page("The gap"), "before there is a project");
}

#[test]
fn terms_lead_on_and_the_way_back_leads_to_where_one_was() {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num5);
    follow(&mut window, "concept drift");
    assert!(window.shows_page("Concept drift"));
    assert!(window.says("The same points twice"), "the drawing is described");
    follow(&mut window, "label drift");
    assert!(window.shows_page("Label drift"));
    window.click("Back");
    assert!(window.shows_page("Concept drift"));
    window.click("Back");
    assert!(window.shows_page("Data drift"));
    assert!(!window.says("Back"), "this is where the page begins");
    follow(&mut window, "concept drift");
    window.press(CTRL, Key::Num1);
    assert!(window.shows_page("Scope first"), "another page begins anew");
}

#[test]
fn every_concept_is_reached_from_the_index() {
    let mut window = Window::empty();
    window.click("All concepts");
    let links = |window: &Window| -> Vec<String> {
        let links = window.harness.query_all_by(|node| node.role() == Role::Link);
        links.filter_map(|link| egui_kittest::kittest::NodeT::accesskit_node(&link).label()).collect()
    };
    let all = links(&window);
    assert!(38 < all.len(), "{all:?}");
    let index = |window: &Window| window.shows_page("All concepts");
    for name in &all {
        assert!(index(&window), "before {name}");
        follow(&mut window, name);
        assert!(!index(&window), "{name} has a page");
        window.click("Back");
    }
}

#[test]
fn the_index_is_searched() {
    let mut window = Window::churn();
    window.click("All concepts");
    assert!(window.field("Find a concept").is_focused());
    window.type_into("Find a concept", "buffet");
    assert!(window.harness.query_by_role_and_label(Role::Link, "batch and real time").is_some());
    assert!(window.harness.query_by_role_and_label(Role::Link, "canary").is_none());
    window.type_into("Find a concept", "zebra");
    window.assert_says("No page speaks of “zebra”");
    window.type_into("Find a concept", "blue-gr");
    window.press(Modifiers::NONE, Key::Enter);
    assert!(window.shows_page("Blue-green deployment"), "Enter opens the first that was found");
}

#[test]
fn a_term_on_a_page_opens_the_drawer_also_when_it_is_closed() {
    let mut window = Window::churn();
    window.click("Close the drawer");
    assert!(!window.shows_page("Scope first"));
    for (link, title) in [
        ("latency budget", "Why a percentile"),
        ("data drift", "Data drift"),
        ("precision and recall", "Precision and recall"),
    ] {
        follow(&mut window, link);
        assert!(window.shows_page(title), "{link}");
    }
    assert!(window.workbench().settings().learn);
}

#[test]
fn where_there_is_no_room_beside_the_page_the_drawer_lies_over_it() {
    let mut window = Window::churn();
    window.harness.set_size(vec2(900.0, 2_400.0));
    window.rest();
    assert!(!window.shows_page("Scope first"));
    window.press(Modifiers::NONE, Key::F1);
    assert!(window.shows_page("Scope first"));
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.shows_page("Scope first"));
    assert!(window.workbench().settings().learn, "what was chosen for a wide window stays");
    window.harness.set_size(vec2(1440.0, 2_400.0));
    window.rest();
    assert!(window.shows_page("Scope first"));
}
