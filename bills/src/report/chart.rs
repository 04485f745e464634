//! The chart of a report: consumption as bars, price as a line, as SVG that stands in the page.

use super::{energy, time, Day, Line, Report};
use plotters::{
    prelude::{ChartBuilder, IntoDrawingArea, PathElement, Rectangle, SVGBackend},
    style::{Color, IntoFont, RGBColor, ShapeStyle, WHITE},
};
use std::error::Error;

/// Up to this many periods each has its own bar; beyond, each day has one.
const MOST_BARS: usize = 96;

const SIZE: (u32, u32) = (900, 320);
const USE: RGBColor = RGBColor(58, 110, 165);
const PRICE: RGBColor = RGBColor(200, 80, 20);

/// A bar: its name on the axis, consumption in kWh, and the mean price per kWh where there is one.
struct Bar {
    name: String,
    energy: f64,
    price: Option<f64>,
}

/// Whether a bar stands for a day rather than for a period.
pub(super) fn is_by_day(report: &Report) -> bool {
    report.lines.len() > MOST_BARS
}

/// The chart as an SVG element; empty where there is nothing to draw.
pub(super) fn draw(report: &Report, days: &[Day<'_>]) -> String {
    let bars: Vec<Bar> = if is_by_day(report) {
        days.iter()
            .map(|day| bar(day.date.format("%d %b").to_string(), day.lines))
            .collect()
    } else {
        report
            .lines
            .iter()
            .map(|line| bar(time(report.opens(line.period)).format("%H:%M").to_string(), &[*line]))
            .collect()
    };
    // A page without its chart is still a bill: tables and data hold the same figures.
    plot(&bars).unwrap_or_default()
}

fn bar(name: String, lines: &[Line]) -> Bar {
    let prices: Vec<f64> = lines
        .iter()
        .filter_map(|line| line.price)
        .map(|price| price as f64 / 1e6)
        .collect();
    let price = (!prices.is_empty()).then(|| prices.iter().sum::<f64>() / prices.len() as f64);
    Bar {
        name,
        energy: energy(lines) as f64 / 1e3,
        price,
    }
}

fn plot(bars: &[Bar]) -> Result<String, Box<dyn Error>> {
    if bars.is_empty() {
        return Ok(String::new());
    }
    let width = bars.len() as f64;
    let low = bars.iter().map(|bar| bar.energy).fold(0.0, f64::min) * 1.05;
    let high = (bars.iter().map(|bar| bar.energy).fold(0.0, f64::max) * 1.05).max(0.001);
    let dearest = (bars.iter().filter_map(|bar| bar.price).fold(0.0, f64::max) * 1.05).max(0.000_001);

    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let font = ("sans-serif", 13).into_font();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(30)
            .y_label_area_size(60)
            .right_y_label_area_size(70)
            .build_cartesian_2d(0.0..width, low..high)?
            .set_secondary_coord(0.0..width, 0.0..dearest);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(RGBColor(240, 240, 240))
            .bold_line_style(RGBColor(225, 225, 225))
            .x_labels(12)
            .y_labels(6)
            .x_label_formatter(&|x| name_at(bars, *x))
            .y_label_formatter(&|y| format!("{y:.2}"))
            .y_desc("kWh")
            .label_style(font.clone())
            .draw()?;
        chart
            .configure_secondary_axes()
            .y_labels(6)
            .y_label_formatter(&|y| format!("{y:.3}"))
            .y_desc("per kWh")
            .label_style(font)
            .draw()?;
        let places = || (0..bars.len()).map(|place| place as f64).zip(bars);
        chart.draw_series(
            places().map(|(x, bar)| Rectangle::new([(x + 0.1, 0.0), (x + 0.9, bar.energy)], USE.filled())),
        )?;
        let style = ShapeStyle {
            color: PRICE.to_rgba(),
            filled: false,
            stroke_width: 2,
        };
        // A step for each bar; a bar without a price interrupts the line.
        for run in places()
            .collect::<Vec<_>>()
            .chunk_by(|one, next| one.1.price.is_some() == next.1.price.is_some())
        {
            let corners: Vec<(f64, f64)> = run
                .iter()
                .filter_map(|(x, bar)| Some([(*x, bar.price?), (x + 1.0, bar.price?)]))
                .flatten()
                .collect();
            if !corners.is_empty() {
                chart.draw_secondary_series([PathElement::new(corners, style)])?;
            }
        }
        area.present()?;
    }
    Ok(svg)
}

/// The name of the bar at a place on the axis.
fn name_at(bars: &[Bar], x: f64) -> String {
    // A place on the axis lies between 0 and the number of bars; the cast ends at the bounds where it does not.
    bars.get(x as usize).map(|bar| bar.name.clone()).unwrap_or_default()
}
