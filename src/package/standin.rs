//! throwaway: real engine with a stand-in server
use super::testing::plan;
use super::*;
use crate::jobs::no_wake;
fn env() -> Environment { Environment::from_process() }
fn p(folder: &std::path::Path) -> BuildPlan { let mut p = plan(folder); p.executable = "/tmp/standin/standin".into(); p }
async fn all() -> Vec<String> {
    let engine = discover().await.unwrap();
    let o = bollard::query_parameters::ListImagesOptionsBuilder::new().all(true).build();
    let mut v: Vec<String> = engine.docker.list_images(Some(o)).await.unwrap().into_iter().map(|i| format!("{} {:?}", i.id, i.repo_tags)).collect();
    let o = bollard::query_parameters::ListContainersOptionsBuilder::new().all(true).build();
    v.extend(engine.docker.list_containers(Some(o)).await.unwrap().into_iter().map(|c| c.id.unwrap()));
    v
}
async fn run(plan: &BuildPlan) -> Result<PackageReport, PackageError> {
    let context = JobContext::new(no_wake());
    let r = build_in(plan, &context, &env()).await;
    for l in context.log_lines() { println!("   | {l}") }
    println!("{r:#?}");
    r
}
#[tokio::test]
async fn real() {
    let folder = tempfile::tempdir().unwrap();
    println!("BEFORE {:#?}", all().await);
    let good = run(&p(folder.path())).await.unwrap();
    assert!(good.passed());
    let after = all().await;
    println!("AFTER GOOD {after:#?}");
    // wrong golden
    let mut wrong = p(folder.path());
    wrong.golden.rows[1].scores = vec![9.0];
    std::fs::write(&wrong.model_path, "other").unwrap();
    let r = run(&wrong).await.unwrap();
    assert!(!r.passed() && r.tags.is_empty());
    assert_eq!(all().await, after);
    // crash
    std::fs::write(wrong.version_folder.join("crash"), "").unwrap();
    let e = run(&p(folder.path())).await.unwrap_err();
    println!("{}", crate::problem::Problem::from(e));
    assert_eq!(all().await, after);
    std::fs::remove_file(wrong.version_folder.join("crash")).unwrap();
    // cancel at many moments
    for n in 0..40 {
        std::fs::write(&wrong.model_path, format!("cancel {n}")).unwrap();
        let plan = p(folder.path());
        let context = JobContext::new(no_wake());
        let e = env(); let t = Instant::now();
        let c = async { tokio::time::sleep(Duration::from_millis(n * 40)).await; context.cancel(); };
        let (r, ()) = tokio::join!(build_in(&plan, &context, &e), c);
        println!("{n}: {:?} at {} in {:?}", r.as_ref().map(|r| r.passed()).map_err(|e| e.to_string()), context.stage(), t.elapsed());
        if r.is_err() { assert_eq!(all().await, after, "{n}"); } else { break }
    }
}
