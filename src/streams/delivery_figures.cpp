#include "streams/delivery_figures.hpp"

namespace pulse::streams {
namespace {

void move(std::uint64_t& count, prometheus::Counter& total) {
  if (count != 0) total.Increment(static_cast<double>(count));
  count = 0;
}

}  // namespace

delivery_figures::delivery_figures(metrics& figures, const std::string& project)
    : delivered_total_(figures.counter("pulse_events_delivered_total",
                                       "Events sent to consumers, redeliveries included",
                                       {{"project", project}})),
      redelivered_total_(figures.counter("pulse_events_redelivered_total",
                                         "Events sent again under a name that received them before",
                                         {{"project", project}})),
      dropped_total_(figures.counter("pulse_subscribe_events_dropped_total",
                                     "Events dropped for slow subscribe() consumers",
                                     {{"project", project}})),
      undecided_total_(
          figures.counter("pulse_events_filter_undecided_total",
                          "Events delivered because they lack a value that the filter needs",
                          {{"project", project}})),
      evaluations_total_(figures.counter("pulse_filter_evaluations_total",
                                         "Evaluations of a stream's filter",
                                         {{"project", project}})),
      interrupted_total_(figures.counter("pulse_filter_interruptions_total",
                                         "Evaluations of a stream's filter that took too long for "
                                         "one event and were continued later",
                                         {{"project", project}})),
      acknowledged_total_(figures.counter("pulse_events_acknowledged_total",
                                          "Acknowledgements of events in flight",
                                          {{"project", project}})) {}

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
