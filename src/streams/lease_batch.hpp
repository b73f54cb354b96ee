// The batch that a pull gathers: the receiver of a lease's stream.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "change/event_id.hpp"
#include "streams/subscriber.hpp"

namespace pulse::streams {

// Events of one batch. Counts their bytes in a total as long as it lives.
class gathered_events {
 public:
  explicit gathered_events(std::shared_ptr<std::size_t> total) : total_(std::move(total)) {}
  gathered_events(const gathered_events&) = delete;
  gathered_events& operator=(const gathered_events&) = delete;
  ~gathered_events() { *total_ -= json_.size(); }

  void add(const event_id& id, std::string_view event_json);

  const std::vector<event_id>& ids() const { return ids_; }
  const std::string& json() const { return json_; }  // with commas between them
  std::size_t total() const { return *total_; }

 private:
  std::shared_ptr<std::size_t> total_;
  std::vector<event_id> ids_;
  std::string json_;
};

// Takes events while a pull gathers, and makes the hub wait in between, so that a lease holds none
// in memory between two pulls. On the hub's thread.
class lease_batch final : public subscriber {
 public:
  struct bounds {
    std::size_t events_max;
    std::size_t bytes_max;  // an event larger than this goes alone
    std::size_t total_max;  // of `total`
  };
  struct ended {
    end_reason why;
    std::string said;
  };

  explicit lease_batch(std::shared_ptr<std::size_t> total) : total_(std::move(total)) {}

  // Takes so much from here on. `changed`: a first event has come, the batch is complete, or the
  // stream has ended. Called within the hub's call.
  void accept(const bounds& most, std::function<void()> changed);
  // Takes nothing more.
  std::shared_ptr<const gathered_events> take();

  bool empty() const { return !events_ || events_->ids().empty(); }
  bool complete() const { return complete_; }
  const std::optional<ended>& end() const { return ended_; }

  void send(const event_id& id, std::string_view event_json) override;
  std::size_t unsent_bytes() const override { return 0; }
  bool takes(std::size_t bytes) override;
  void end(end_reason reason, std::string_view message) override;

 private:
  void complete_now();

  std::shared_ptr<std::size_t> total_;
  std::function<void()> changed_;
  std::shared_ptr<gathered_events> events_;  // null: no pull gathers
  bounds most_{};
  bool complete_ = false;
  std::optional<ended> ended_;
};

}  // namespace pulse::streams
