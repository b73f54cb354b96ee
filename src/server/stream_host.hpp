// Where a project's streams live: streams::hub in the program, something smaller in tests.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
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
  virtual std::optional<std::size_t> acknowledge_through(filters::stream_id stream,
                                                         const event_id& id) = 0;
  virtual void save(const streams::cursor_key& key, std::optional<std::string> lease,
                    std::function<void(result<void>)> done) = 0;
  virtual void when_passed(filters::stream_id stream, const position& place,
                           std::function<void()> done) = 0;
  virtual std::optional<streams::name_holder> holder(const streams::cursor_key& key) const = 0;
  virtual std::optional<control::stored_gap> gap_of(const streams::cursor_key& key) const = 0;
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
  std::optional<std::size_t> acknowledge_through(filters::stream_id stream,
                                                 const event_id& id) override {
    return hub_->acknowledge_through(stream, id);
  }
  void save(const streams::cursor_key& key, std::optional<std::string> lease,
            std::function<void(result<void>)> done) override {
    hub_->save(key, std::move(lease), std::move(done));
  }
  void when_passed(filters::stream_id stream, const position& place,
                   std::function<void()> done) override {
    hub_->when_passed(stream, place, std::move(done));
  }
  std::optional<streams::name_holder> holder(const streams::cursor_key& key) const override {
    return hub_->holder(key);
  }
  std::optional<control::stored_gap> gap_of(const streams::cursor_key& key) const override {
    return hub_->gap_of(key);
  }
  void writable(filters::stream_id stream) override { hub_->writable(stream); }
  void quiesce(filters::stream_id stream) override { hub_->quiesce(stream); }
  void close(filters::stream_id stream) override { hub_->close(stream); }

 private:
  std::shared_ptr<streams::hub> hub_;
};

}  // namespace pulse::server
