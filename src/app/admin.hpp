// What the admin API can have done: keys and cursors, by way of the control thread and a thread
// that reads the logs.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "app/project_manager.hpp"
#include "control/control_thread.hpp"
#include "control/key_ring.hpp"
#include "server/admin/admin_backend.hpp"

namespace pulse::app {

// Of a project that cannot be opened only keys are managed, and names deleted; of one that is still
// opening, keys.
class admin final : public server::admin_backend {
 public:
  // All of them outlive it.
  admin(const project_manager& projects, control::key_ring& keys,
        std::shared_ptr<control::control_thread> control, boost::asio::any_io_executor delivery)
      : projects_(&projects),
        keys_(&keys),
        control_(std::move(control)),
        delivery_(std::move(delivery)) {}

  void list_keys(const std::string& project,
                 std::function<void(result<std::vector<server::key_description>>)> done) override;
  void create_key(const std::string& project, const std::string& label,
                  std::function<void(result<server::created_key>)> done) override;
  void revoke_key(const std::string& project, const std::string& key_id,
                  std::function<void(result<void>)> done) override;
  void list_cursors(const std::string& project, const server::cursor_page& page,
                    std::function<void(result<std::vector<server::stored_cursor>>)> done) override;
  void show_cursor(const std::string& project, const streams::cursor_key& key,
                   std::function<void(result<server::stored_cursor>)> done) override;
  void seek_cursor(const std::string& project, const streams::cursor_key& key,
                   const streams::seek_target& target,
                   std::function<void(result<server::cursor_move>)> done) override;
  void delete_cursor(const std::string& project, const streams::cursor_key& key,
                     std::function<void(result<void>)> done) override;
  void list_gaps(const std::string& project,
                 std::function<void(result<std::vector<control::stored_gap>>)> done) override;
  void skip_change(const std::string& project, lsn at,
                   std::function<void(result<control::stored_gap>)> done) override;
  void accept_gap(const std::string& project, std::uint64_t id, const std::string& by,
                  std::function<void(result<control::stored_gap>)> done) override;

  // Answers errc::unavailable to who still waits for a log to be read: each holds its project, and
  // projects are about to close.
  void stop_reading() { *ending_ = true; }

 private:
  using cursors = std::vector<server::stored_cursor>;
  // Those of the project's cursors that `choose` leaves; then where each has got to and how far it
  // lags.
  using chooser = std::function<void(cursors&)>;
  void read_cursors(const std::string& project, chooser choose, std::uint64_t events_max,
                    std::function<void(result<cursors>)> done);

  const project_manager* projects_;
  control::key_ring* keys_;
  std::shared_ptr<control::control_thread> control_;
  boost::asio::any_io_executor delivery_;
  // Reads the logs for whoever asks: delivery does not wait for it. One call at a time.
  boost::asio::thread_pool reading_{1};
  std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace pulse::app
