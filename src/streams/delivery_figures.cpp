#include "streams/delivery_figures.hpp"

namespace pulse::streams {
namespace {

void move(std::uint64_t& count, prometheus::Counter& total) {
  if (count != 0) total.Increment(static_cast<double>(count));
  count = 0;
}

}  // namespace

delivery_figures::delivery_figures(metrics& figures, const std::string& project)
    : delivered_total_(figures.counter(metric::events_delivered, project)),
      redelivered_total_(figures.counter(metric::events_redelivered, project)),
      dropped_total_(figures.counter(metric::subscribe_events_dropped, project)),
      undecided_total_(figures.counter(metric::events_filter_undecided, project)),
      evaluations_total_(figures.counter(metric::filter_evaluations, project)),
      interrupted_total_(figures.counter(metric::filter_interruptions, project)),
      acknowledged_total_(figures.counter(metric::events_acknowledged, project)) {}

void delivery_figures::show() {
  move(delivered, delivered_total_);
  move(redelivered, redelivered_total_);
  move(dropped, dropped_total_);
  move(undecided, undecided_total_);
  move(evaluations, evaluations_total_);
  move(interrupted, interrupted_total_);
  move(acknowledged, acknowledged_total_);
}

}  // namespace pulse::streams
