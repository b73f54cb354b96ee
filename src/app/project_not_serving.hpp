// A project that is still opening, or cannot be opened: it reports that while others are served.
#pragma once

#include <string>

#include "base/error.hpp"
#include "server/registry.hpp"

namespace pulse::app {

// Refuses every stream, captures nothing, and leaves all stored files as they are.
class project_not_serving final : public server::project_service {
 public:
  // What it has stored is being read.
  static std::shared_ptr<project_not_serving> opening(bool event_persistence);
  // `why` is what opening it failed with.
  static std::shared_ptr<project_not_serving> failed(bool event_persistence, const error& why);

  bool event_persistence() const override { return event_persistence_; }
  std::optional<error> not_serving() const override { return told_; }
  std::shared_ptr<streams::hub> streams() override { return nullptr; }
  void resolve(const requests::stream_request& wanted, resolved done) override;
  void find_end(std::function<void(result<end_mark>)> done) override { done(told_); }
  void find_start(const streams::seek_target& /*target*/, found_start done) override {
    done(told_);
  }
  capture_status capture() const override { return {false, false, state_, problem_}; }
  std::string not_ready() const override { return not_ready_; }

 private:
  project_not_serving(bool event_persistence, error told)
      : event_persistence_(event_persistence), told_(std::move(told)) {}

  bool event_persistence_;
  error told_;
  // Of capture, for operators.
  std::string state_;
  std::string problem_;
  std::string not_ready_;
};

// The errors for requests to such a project.
error project_is_opening();  // errc::unavailable
error project_is_stopped();  // errc::corrupt

}  // namespace pulse::app
