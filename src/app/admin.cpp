#include "app/admin.hpp"

namespace pulse::app {

std::optional<server::key_identity> registry::authenticate(std::string_view presented_key) {
  auto found = keys_->find(presented_key);
  if (!found) return std::nullopt;
  return server::key_identity{std::move(found->id), std::move(found->project)};
}

server::project_service* registry::project(std::string_view name) {
  const auto found = projects_->find(std::string(name));
  return found == projects_->end() ? nullptr : found->second.get();
}

std::vector<std::pair<std::string, server::project_service*>> registry::projects() {
  std::vector<std::pair<std::string, server::project_service*>> all;
  for (const auto& [name, one] : *projects_) all.emplace_back(name, one.get());
  return all;
}

namespace {

server::key_description describe(const control::api_key& key) {
  return {key.id, key.label, key.created_at, key.revoked_at};
}

}  // namespace

void admin::list_keys(const std::string& project,
                      std::function<void(result<std::vector<server::key_description>>)> done) {
  control_->run(
      delivery_,
      [project](control::state_store& store) -> result<std::vector<server::key_description>> {
        const auto keys = store.keys();
        if (!keys) return keys.error();
        std::vector<server::key_description> all;
        for (const auto& key : *keys) {
          if (key.project == project) all.push_back(describe(key));
        }
        return all;
      },
      std::move(done));
}

void admin::create_key(const std::string& project, const std::string& label,
                       std::function<void(result<server::created_key>)> done) {
  control_->run(
      delivery_,
      [project, label, ring = keys_](control::state_store& store) -> result<server::created_key> {
        auto made = control::make_key(project, label);
        if (!made) return made.error();
        if (auto added = store.add_key(made->stored); !added) return added.error();
        auto keys = store.keys();
        if (!keys) return keys.error();
        ring->replace(*keys);
        return server::created_key{describe(made->stored), made->secret};
      },
      std::move(done));
}

void admin::revoke_key(const std::string& project, const std::string& key_id,
                       std::function<void(result<void>)> done) {
  control_->run(
      delivery_,
      [project, key_id, ring = keys_](control::state_store& store) -> result<void> {
        if (auto revoked = store.revoke_key(project, key_id); !revoked) return revoked;
        auto keys = store.keys();
        if (!keys) return keys.error();
        ring->replace(std::move(*keys));
        return {};
      },
      std::move(done));
}

void admin::list_cursors(const std::string& project,
                         std::function<void(result<std::vector<server::stored_cursor>>)> done) {
  control_->run(
      delivery_,
      [project](control::state_store& store) -> result<std::vector<server::stored_cursor>> {
        const auto cursors = store.cursors(project);
        if (!cursors) return cursors.error();
        std::vector<server::stored_cursor> all;
        for (const auto& one : *cursors)
          all.push_back({{one.table, one.name}, one.at, one.moved_at});
        return all;
      },
      [this, project, done = std::move(done)](result<std::vector<server::stored_cursor>> cursors) {
        const auto found = projects_->find(project);
        if (cursors && found != projects_->end()) {
          for (auto& one : *cursors) one.lag_bytes = found->second->lag_bytes(one.key, one.at);
        }
        done(std::move(cursors));
      });
}

void admin::delete_cursor(const std::string& project, const streams::cursor_key& key,
                          std::function<void(result<void>)> done) {
  control_->run(
      delivery_,
      [project, key](control::state_store& store) {
        return store.delete_cursor(project, key.table, key.name);
      },
      [this, project, key, done = std::move(done)](const result<void>& deleted) {
        const auto found = projects_->find(project);
        if (deleted && found != projects_->end()) {
          found->second->streams().forget(key, "the stream's cursor was deleted");
        }
        done(deleted);
      });
}

void admin::list_gaps(const std::string& project,
                      std::function<void(result<std::vector<control::stored_gap>>)> done) {
  done(projects_->at(project)->gaps().all());
}

void admin::accept_gap(const std::string& project, std::uint64_t id, const std::string& by,
                       std::function<void(result<control::stored_gap>)> done) {
  projects_->at(project)->gaps().accept(id, by, std::move(done));
}

}  // namespace pulse::app
