#include "app/admin.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace pulse::app {

namespace {

// Counted for each of a list of cursors, and for a single one.
constexpr std::uint64_t listed_events_max = 10'000;
constexpr std::uint64_t shown_events_max = 10'000'000;

server::key_description describe(const control::api_key& key) {
  return {key.id, key.label, key.created_at, key.revoked_at};
}

error shutting_down() {
  return {errc::unavailable, "Pulse is shutting down", "ask again when it is back"};
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
        // With the time at which it was stored.
        const auto stored = std::ranges::find(*keys, made->stored.id, &control::api_key::id);
        return server::created_key{describe(stored == keys->end() ? made->stored : *stored),
                                   made->secret};
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

void admin::read_cursors(const std::string& project, chooser choose, std::uint64_t events_max,
                         std::function<void(result<cursors>)> done) {
  const auto found = projects_->serving(project);
  if (!found) return done(found.error());
  control_->run(
      delivery_,
      [project, choose = std::move(choose)](control::state_store& store) -> result<cursors> {
        const auto stored = store.cursors(project);
        if (!stored) return stored.error();
        cursors all;
        for (const auto& one : *stored) {
          all.push_back({{one.table, one.name}, one.at, one.moved_at, one.used_at, {}, {}});
        }
        choose(all);
        return all;
      },
      [this, of = *found, events_max, done = std::move(done)](result<cursors> all) {
        if (!all) return done(std::move(all));
        for (auto& one : *all) {
          one.at = std::max(one.at, of->streams()->cursor(one.key));
          one.condition = of->streams()->condition(one.key, one.at);
        }
        boost::asio::post(
            reading_, [of = of, events_max, history = of->followed_history(), delivery = delivery_,
                       ending = ending_, done, all = std::move(*all)]() mutable {
              for (auto& one : all) {
                if (*ending) break;
                // What is gone cannot be counted: the condition says so.
                if (auto lag = of->measure_lag(one.key, one.at, events_max, history))
                  one.lag = *lag;
              }
              // With the project, whose last owner must not be here.
              boost::asio::post(delivery, [of = std::move(of), ending, done, all = std::move(all)] {
                done(*ending ? result<cursors>(shutting_down()) : all);
              });
            });
      });
}

void admin::list_cursors(const std::string& project, const server::cursor_page& page,
                         std::function<void(result<cursors>)> done) {
  const auto choose = [page](cursors& all) {
    if (page.after) std::erase_if(all, [&](const auto& one) { return one.key <= *page.after; });
    std::ranges::sort(all, {}, &server::stored_cursor::key);
    if (all.size() > page.limit) all.resize(page.limit);
  };
  read_cursors(project, choose, listed_events_max, std::move(done));
}

void admin::show_cursor(const std::string& project, const streams::cursor_key& key,
                        std::function<void(result<server::stored_cursor>)> done) {
  const auto choose = [key](cursors& all) {
    std::erase_if(all, [&](const auto& one) { return one.key != key; });
  };
  read_cursors(project, choose, shown_events_max,
               [project, key, done = std::move(done)](const result<cursors>& found) {
                 if (!found) return done(found.error());
                 if (found->empty()) return done(control::no_cursor(project, key.table, key.name));
                 done(found->front());
               });
}

void admin::seek_cursor(const std::string& project, const streams::cursor_key& key,
                        const streams::seek_target& target,
                        std::function<void(result<server::cursor_move>)> done) {
  const auto found = projects_->serving(project);
  if (!found) return done(found.error());
  const auto move = [this, project, key, done](const std::shared_ptr<app::project>& its,
                                               const result<position>& to) {
    if (!to) return done(to.error());
    const auto moved = its->streams()->move(key, "the stream's cursor was moved");
    control_->run(
        delivery_,
        [project, key, to = *to](control::state_store& store) {
          return store.seek_cursor(project, key.table, key.name, to);
        },
        [to = *to, moved, done](const result<position>& from) {
          moved(from ? result<position>(to) : result<position>(from.error()));
          if (!from) return done(from.error());
          done(server::cursor_move{*from, to});
        });
  };
  boost::asio::post(reading_, [of = *found, target, history = (*found)->followed_history(), move,
                               delivery = delivery_, ending = ending_]() mutable {
    const auto to =
        *ending ? result<position>(shutting_down()) : of->find_position(target, history);
    boost::asio::post(delivery, [of = std::move(of), move, to] { move(of, to); });
  });
}

void admin::delete_cursor(const std::string& project, const streams::cursor_key& key,
                          std::function<void(result<void>)> done) {
  // It has read the cursors already, perhaps, and is not there to be told.
  if (projects_->state(project) == project_state::opening) return done(project_is_opening());
  control_->run(
      delivery_,
      [project, key](control::state_store& store) {
        return store.delete_cursor(project, key.table, key.name);
      },
      [this, project, key, done = std::move(done)](const result<void>& deleted) {
        if (const auto of = projects_->serving(project); deleted && of)
          (*of)->streams()->forget(key, "the stream's cursor was deleted");
        done(deleted);
      });
}

void admin::list_gaps(const std::string& project,
                      std::function<void(result<std::vector<control::stored_gap>>)> done) {
  const auto of = projects_->serving(project);
  if (!of) return done(of.error());
  done((*of)->gaps().all());
}

void admin::skip_change(const std::string& project, lsn at,
                        std::function<void(result<control::stored_gap>)> done) {
  const auto of = projects_->serving(project);
  if (!of) return done(of.error());
  (*of)->skip_change(at, std::move(done));
}

void admin::accept_gap(const std::string& project, std::uint64_t id, const std::string& by,
                       std::function<void(result<control::stored_gap>)> done) {
  const auto of = projects_->serving(project);
  if (!of) return done(of.error());
  (*of)->gaps().accept(id, by, std::move(done));
}

}  // namespace pulse::app
