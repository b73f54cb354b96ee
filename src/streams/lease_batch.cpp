#include "streams/lease_batch.hpp"

namespace pulse::streams {

void gathered_events::add(const event_id& id, std::string_view event_json) {
  const auto before = json_.size();
  if (before != 0) json_ += ',';
  json_ += event_json;
  *total_ += json_.size() - before;
  ids_.push_back(id);
}

void lease_batch::accept(const bounds& most, std::function<void()> changed) {
  most_ = most;
  changed_ = std::move(changed);
  events_ = std::make_shared<gathered_events>(total_);
  complete_ = false;
}

std::shared_ptr<const gathered_events> lease_batch::take() {
  return std::exchange(events_, nullptr);
}

bool lease_batch::takes(std::size_t bytes) {
  if (!events_ || complete_) return false;
  if (events_->ids().empty()) return true;
  if (events_->json().size() + 1 + bytes <= most_.bytes_max && *total_ + bytes <= most_.total_max)
    return true;
  complete_now();
  return false;
}

void lease_batch::send(const event_id& id, std::string_view event_json) {
  if (!events_) return;
  events_->add(id, event_json);
  if (events_->ids().size() >= most_.events_max) return complete_now();
  if (events_->ids().size() == 1) changed_();
}

void lease_batch::complete_now() {
  complete_ = true;
  changed_();
}

void lease_batch::end(end_reason reason, std::string_view message) {
  ended_ = ended{reason, std::string(message)};
  if (changed_) changed_();
}

}  // namespace pulse::streams
