//! The short selection: one network, broken in one way after another.
//!
//! Promises what its scenarios promise, each with a report of its own. They begin where the one before has left the network,
//! which is mended by then, but not as it was: other members lead, and in the end others are members. Saves the start of a
//! network for each; and whatever goes on only for as long as one looks, is looked at half as long.
//!
//! **Privacy.** Development keys and made-up readings.

use std::rc::Rc;

use crate::{
    cli::Arguments,
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{Ground, Run},
    report::Report,
    scenarios::{Course, SHORT_TERM, SHORT_TIME},
};

/// Runs what the arguments select; each report is entered in `reports` when its scenario has ended.
///
/// # Errors
///
/// Where the network can't be started or ended, or a scenario could not go on: the network is not mended then, so those after
/// it are not run.
pub async fn run_all(ground: &Rc<Ground>, arguments: &Arguments, reports: &mut Vec<Report>) -> Result<(), ChaosError> {
    let selection = arguments.selection();
    let Some((_, members)) = selection.first().copied() else {
        return Ok(());
    };
    let start = Run::new(ground, "short", members, arguments.seed)?;
    let setup = Setup {
        term_blocks: SHORT_TERM,
        time: SHORT_TIME,
        ..Setup::default()
    };
    let mut grid = Grid::start(&start, setup).await?;
    grid.start_meters()?;
    grid.first_close().await?;
    for (scenario, members) in selection {
        let Course::On { act, .. } = scenario.course else {
            continue;
        };
        println!("{}, {members} members: {}", scenario.name, scenario.about);
        let mut run = Run::new(ground, scenario.name, members, arguments.seed)?;
        run.short = true;
        let went = act(&mut run, &mut grid).await;
        if let Err(error) = &went {
            run.report.check("the scenario runs to its end", Err(error.to_string()));
        }
        run.report.close();
        reports.push(run.report);
        if went.is_err() {
            return Err(ChaosError::Missing(format!(
                "{} did not leave a network for those after it",
                scenario.name
            )));
        }
    }
    grid.end().await
}
