// Where a project's streams live: streams::hub in the program, something smaller in tests.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "streams/hub.hpp"

namespace pulse::server {

// The contracts are streams::hub's. All calls and answers on the delivery thread.
class stream_host {
 public:
  stream_host() = default;
  stream_host(const stream_host&) = delete;
  stream_host& operator=(const stream_host&) = delete;
  virtual ~stream_host() = default;

  virtual void open(streams::stream_opening what, streams::hub::opened done) = 0;
  virtual void acknowledge(filters::stream_id stream, const event_id& id) = 0;
  virtual void writable(filters::stream_id stream) = 0;
  virtual void quiesce(filters::stream_id stream) = 0;
  virtual void close(filters::stream_id stream) = 0;
};

// Shares the hub: it is there until the last session on it has gone, whatever becomes of its
// project.
class hub_host final : public stream_host {
 public:
  explicit hub_host(std::shared_ptr<streams::hub> hub) : hub_(std::move(hub)) {}

  void open(streams::stream_opening what, streams::hub::opened done) override {
    hub_->open(std::move(what), std::move(done));
  }
  void acknowledge(filters::stream_id stream, const event_id& id) override {
    hub_->acknowledge(stream, id);
  }
  void writable(filters::stream_id stream) override { hub_->writable(stream); }
  void quiesce(filters::stream_id stream) override { hub_->quiesce(stream); }
  void close(filters::stream_id stream) override { hub_->close(stream); }

 private:
  std::shared_ptr<streams::hub> hub_;
};

}  // namespace pulse::server
