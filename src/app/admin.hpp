// What the admin API can have done: keys and cursors, by way of the control thread and a thread
// that reads the logs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "app/project.hpp"
#include "app/unopened_project.hpp"
#include "control/control_thread.hpp"
#include "control/key_ring.hpp"
#include "server/admin/admin_backend.hpp"
#include "server/registry.hpp"

namespace pulse::app {

using project_map = std::map<std::string, std::shared_ptr<project>>;

// On the delivery thread.
class registry final : public server::service_registry {
 public:
  registry(const project_map& projects, const unopened_map& unopened, const control::key_ring& keys)
      : projects_(&projects), unopened_(&unopened), keys_(&keys) {}

  std::optional<server::key_identity> authenticate(std::string_view presented_key) override;
  server::project_service* project(std::string_view name) override;
  std::vector<std::pair<std::string, server::project_service*>> projects() override;

 private:
  const project_map* projects_;
  const unopened_map* unopened_;
  const control::key_ring* keys_;
};

// Of a project that could not be opened only keys are managed, and names deleted.
class admin final : public server::admin_backend {
 public:
  admin(const project_map& projects, control::key_ring& keys,
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

 private:
  using cursors = std::vector<server::stored_cursor>;
  // Those of the project's cursors that `choose` leaves; then where each has got to and how far it
  // lags.
  using chooser = std::function<void(cursors&)>;
  void read_cursors(const std::string& project, chooser choose, std::uint64_t events_max,
                    std::function<void(result<cursors>)> done);
  // Null: it could not be opened.
  std::shared_ptr<project> find(const std::string& name) const;

  const project_map* projects_;
  control::key_ring* keys_;
  std::shared_ptr<control::control_thread> control_;
  boost::asio::any_io_executor delivery_;
  // Reads the logs for whoever asks: delivery does not wait for it. One call at a time.
  boost::asio::thread_pool reading_{1};
};

}  // namespace pulse::app
