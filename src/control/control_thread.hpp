// The thread that owns the state store: nobody else waits for SQLite's syncs.
#pragma once

#include <functional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "control/state_store.hpp"

namespace pulse::control {

// Work is done in the order in which it was given. Bounded by its users: each has one save or open
// under way.
class control_thread {
 public:
  explicit control_thread(state_store store) : store_(std::move(store)) {}
  // Does what has been given, then ends.
  ~control_thread() { thread_.join(); }
  control_thread(const control_thread&) = delete;
  control_thread& operator=(const control_thread&) = delete;

  // Calls work(store) on the control thread, then done(its result) on `executor`. Any thread.
  template <class Work, class Done>
  void run(boost::asio::any_io_executor executor, Work work, Done done) {
    boost::asio::post(thread_, [this, executor = std::move(executor), work = std::move(work),
                                done = std::move(done)]() mutable {
      boost::asio::post(executor, [done = std::move(done), outcome = work(store_)]() mutable {
        done(std::move(outcome));
      });
    });
  }

 private:
  state_store store_;
  boost::asio::thread_pool thread_{1};
};

}  // namespace pulse::control
