// Projects that come and go. Their databases are not there: capture tries to connect, and that is
// all. Everything else is real.
#include "app/project_manager.hpp"

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/registry.hpp"
#include "app/volume_share.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pulse::app::project_manager_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Opens projects as the program does; those that are held wait until they are let go.
class held_opening {
 public:
  result<opened_project> open(const config::project_config& config,
                              const std::filesystem::path& data_dir) {
    {
      std::unique_lock lock(mutex_);
      begun_.push_back(config.name);
      most_ = std::max(most_, ++running_);
      changed_.wait(lock, [&] { return !held_.contains(config.name); });
      --running_;
    }
    return open_project(config, data_dir);
  }
  void hold(std::set<std::string> names) {
    const std::scoped_lock lock(mutex_);
    held_ = std::move(names);
  }
  void let_go() {
    hold({});
    changed_.notify_all();
  }
  std::vector<std::string> begun() {
    const std::scoped_lock lock(mutex_);
    return begun_;
  }
  std::size_t most() {
    const std::scoped_lock lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> held_;
  std::vector<std::string> begun_;
  std::size_t running_ = 0;
  std::size_t most_ = 0;
};

constexpr position reader_starts_at{1, lsn{100}, lsn{100}, 0};

class consumer final : public streams::subscriber {
 public:
  void send(const event_id& /*id*/, std::string_view /*event_json*/) override {}
  std::size_t unsent_bytes() const override { return 0; }
  void end(streams::end_reason reason, std::string_view message) override {
    ended = reason;
    said = message;
  }

  bool opened = false;
  std::optional<streams::end_reason> ended;
  std::string said;
};

class project_managers : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store =
        control::state_store::open((data_dir() / "pulse.db").string(), system_clock_source());
    ASSERT_TRUE(store);
    control_ = std::make_shared<control::control_thread>(std::move(*store));
    project_manager::parts parts;
    parts.data_dir = data_dir();
    parts.delivery = delivery_.get_executor();
    parts.control = control_;
    parts.figures = &figures_;
    parts.on_serving = [this](const project& one) { told_.push_back(one.name() + " serves"); };
    parts.on_failed = [this](const std::string& name, const error& why) {
      told_.push_back(name + " failed");
      why_failed_ = why;
    };
    parts.open = [this](const config::project_config& config,
                        const std::filesystem::path& directory) {
      return openings_.open(config, directory);
    };
    projects_ = std::make_shared<project_manager>(std::move(parts));
  }

  void TearDown() override {
    openings_.let_go();
    stop();
    projects_.reset();
  }

  const std::filesystem::path& data_dir() const { return directory_.path(); }

  static config::project_config config(const std::string& name) {
    config::project_config one;
    one.name = name;
    // Nobody listens there.
    one.database_url = "postgresql://nobody@127.0.0.1:1/" + name;
    one.segment_bytes = std::uint64_t{1} << 20U;
    return one;
  }

  void add(const std::vector<std::string>& names) {
    for (const auto& name : names) ASSERT_TRUE(projects_->add(config(name))) << name;
  }

  // Turns the delivery thread's loop until the condition holds.
  template <class Condition>
  void until(Condition holds) {
    testing::wait_until([&] {
      delivery_.poll();
      return holds();
    });
  }
  void until_serving(const std::vector<std::string>& names) {
    until([&] {
      return std::ranges::all_of(names, [&](const auto& name) {
        return projects_->state(name) == project_state::serving;
      });
    });
  }
  void until_opened() {
    until([&] { return !projects_->any_opening(); });
  }

  void remove(const std::string& name) {
    bool gone = false;
    projects_->remove(name, [&](const result<void>& removed) {
      EXPECT_TRUE(removed);
      gone = true;
    });
    until([&] { return gone; });
  }

  void stop() {
    bool stopped = false;
    projects_->stop([&] { stopped = true; });
    until([&] { return stopped; });
  }

  std::filesystem::path log_of(const std::string& name) const {
    return data_dir() / "projects" / name / "log";
  }

  // The header of its newest segment.
  void damage(const std::string& name) const {
    std::vector<std::filesystem::path> segments;
    for (const auto& one : std::filesystem::directory_iterator(log_of(name))) {
      if (one.path().extension() == ".seg") segments.push_back(one.path());
    }
    ASSERT_FALSE(segments.empty());
    std::fstream file(*std::ranges::max_element(segments), std::ios::in | std::ios::out);
    file << std::string(8192, '\xff');
    ASSERT_TRUE(file.flush());
  }

  std::shared_ptr<consumer> open_stream(streams::hub& hub) {
    requests::stream_request wanted;
    wanted.mode = requests::stream_mode::stream;
    wanted.name = "reader";
    wanted.model = {"Row", "jobs", "public", {{"id", "id", "String", false}}};
    wanted.wanted.create.emplace();
    relation table;
    table.oid = 7;
    table.table = {"public", "jobs"};
    auto to = std::make_shared<consumer>();
    hub.open({wanted, {std::make_shared<const relation>(table), nullptr}, reader_starts_at, to},
             [to](const result<filters::stream_id>& opened) { to->opened = opened.has_value(); });
    until([&] { return to->opened; });
    return to;
  }

  double gauge(const std::string& name, const std::string& project) {
    const auto text = figures_.render();
    const auto line = name + "{project=\"" + project + "\"} ";
    const auto at = text.find("\n" + line);
    if (at == std::string::npos) return -1;
    return std::stod(text.substr(at + 1 + line.size()));
  }

  testing::temporary_directory directory_;
  metrics figures_;
  boost::asio::io_context delivery_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      delivery_.get_executor()};
  held_opening openings_;
  std::shared_ptr<control::control_thread> control_;
  std::shared_ptr<project_manager> projects_;
  std::vector<std::string> told_;
  error why_failed_;
};

TEST_F(project_managers, one_that_is_added_is_opening_and_then_serves) {
  add({"shop"});
  EXPECT_EQ(projects_->state("shop"), project_state::opening);
  const auto opening = projects_->find("shop");
  ASSERT_TRUE(opening);
  EXPECT_EQ(opening->not_serving()->code, errc::unavailable);
  EXPECT_EQ(opening->capture().state, "opening");
  EXPECT_THAT(opening->not_ready(), HasSubstr("being read"));
  EXPECT_EQ(projects_->serving("shop").error().code, errc::unavailable);

  until_serving({"shop"});
  EXPECT_THAT(told_, ElementsAre("shop serves"));
  const auto serving = projects_->find("shop");
  EXPECT_FALSE(serving->not_serving());
  EXPECT_TRUE(serving->streams());
  EXPECT_EQ(serving, *projects_->serving("shop"));
  EXPECT_EQ(gauge("pulse_project_open", "shop"), 1);

  EXPECT_EQ(projects_->add(config("shop")).error().code, errc::conflict);
  EXPECT_EQ(projects_->serving("another").error().code, errc::not_found);
  EXPECT_FALSE(projects_->find("another"));
}

TEST_F(project_managers, one_that_cannot_be_opened_fails_alone_until_it_is_mended_and_added_again) {
  add({"sound", "broken"});
  until_serving({"sound", "broken"});
  remove("broken");
  damage("broken");
  add({"broken"});
  until_opened();
  EXPECT_EQ(projects_->state("broken"), project_state::failed);
  EXPECT_EQ(projects_->state("sound"), project_state::serving);
  EXPECT_THAT(why_failed_.what, HasSubstr("project broken: opening the log: segment "));
  const auto failed = projects_->find("broken");
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->not_serving()->code, errc::corrupt);
  EXPECT_THAT(failed->not_serving()->what, Not(HasSubstr("segment"))) << "no business of consumers";
  EXPECT_THAT(failed->capture().problem, HasSubstr("segment"));
  EXPECT_EQ(failed->not_ready(), "") << "waiting does not help";
  EXPECT_EQ(projects_->serving("broken").error().code, errc::corrupt);
  EXPECT_EQ(gauge("pulse_project_open", "broken"), 0);

  remove("broken");
  EXPECT_FALSE(projects_->state("broken"));
  EXPECT_EQ(gauge("pulse_project_open", "broken"), -1);
  std::filesystem::remove_all(log_of("broken"));
  add({"broken"});
  until_serving({"broken", "sound"});
}

TEST_F(project_managers, one_that_takes_long_to_open_keeps_nobody_waiting) {
  openings_.hold({"slow"});
  add({"slow", "a", "b", "c", "d"});
  until_serving({"a", "b", "c", "d"});
  EXPECT_EQ(projects_->state("slow"), project_state::opening);
  EXPECT_TRUE(projects_->any_opening());
  EXPECT_EQ(projects_->all_serving().size(), 4U);
  openings_.let_go();
  until_serving({"slow"});
}

TEST_F(project_managers, no_more_are_opened_at_a_time_than_there_are_threads_for) {
  openings_.hold({"a", "b", "c", "d"});
  add({"a", "b", "c", "d"});
  until([&] { return openings_.begun().size() == project_manager::busy_max; });
  openings_.let_go();
  until_serving({"a", "b", "c", "d"});
  EXPECT_EQ(openings_.most(), project_manager::busy_max);
}

TEST_F(project_managers, one_that_is_removed_while_it_opens_goes_once_it_has_been_read) {
  openings_.hold({"shop"});
  add({"shop"});
  until([&] { return !openings_.begun().empty(); });
  int told = 0;
  for (int i = 0; i < 2; ++i)
    projects_->remove("shop", [&](const result<void>& removed) { told += removed ? 1 : 0; });
  EXPECT_EQ(projects_->state("shop"), project_state::closing);
  EXPECT_FALSE(projects_->find("shop"));
  EXPECT_TRUE(projects_->all().empty());
  EXPECT_EQ(projects_->add(config("shop")).error().code, errc::conflict);
  openings_.let_go();
  until([&] { return told != 0; });
  EXPECT_EQ(told, 2);
  EXPECT_EQ(projects_->size(), 0U);
  EXPECT_TRUE(told_.empty()) << "it never served";

  add({"shop"});
  until_serving({"shop"});
}

TEST_F(project_managers,
       removal_ends_the_streams_and_is_done_when_no_session_has_the_hub_any_more) {
  add({"shop", "other"});
  until_serving({"shop", "other"});
  // As a session does.
  auto hub = projects_->find("shop")->streams();
  const auto reader = open_stream(*hub);
  const auto bystander = open_stream(*projects_->find("other")->streams());
  bool gone = false;
  projects_->remove("shop", [&](const result<void>& removed) { gone = removed.has_value(); });
  EXPECT_FALSE(projects_->find("shop")) << "its keys open nothing";
  until([&] { return reader->ended.has_value(); });
  EXPECT_EQ(reader->ended, streams::end_reason::project_removed);
  EXPECT_EQ(reader->said, "the project was removed");

  // Everything else has gone by then.
  remove("other");
  EXPECT_EQ(bystander->ended, streams::end_reason::project_removed);
  EXPECT_FALSE(gone);
  EXPECT_EQ(projects_->state("shop"), project_state::closing);
  hub->tick({});
  EXPECT_TRUE(hub->status().empty());
  hub.reset();
  until([&] { return gone; });
  EXPECT_THAT(figures_.render(), Not(HasSubstr("project=")));

  // Its log was closed, and its cursor saved.
  add({"shop"});
  until_serving({"shop"});
  EXPECT_EQ(projects_->find("shop")->streams()->cursor({{"public", "jobs"}, "reader"}),
            reader_starts_at);
}

TEST_F(project_managers, a_key_is_known_and_finds_nothing_once_its_project_is_removed) {
  control::key_ring keys;
  const auto key = control::make_key("shop", "laptop").value();
  keys.replace({key.stored});
  registry found(*projects_, keys);
  add({"shop"});
  until_serving({"shop"});
  ASSERT_EQ(found.authenticate(key.secret)->project, "shop");
  EXPECT_TRUE(found.project("shop"));
  EXPECT_EQ(found.projects().size(), 1U);
  remove("shop");
  EXPECT_EQ(found.authenticate(key.secret)->project, "shop");
  EXPECT_FALSE(found.project("shop"));
  EXPECT_TRUE(found.projects().empty());
}

TEST_F(project_managers, what_is_not_there_cannot_be_removed) {
  std::optional<error> refused;
  projects_->remove("shop", [&](const result<void>& removed) { refused = removed.error(); });
  until([&] { return refused.has_value(); });
  EXPECT_EQ(refused->code, errc::not_found);
}

TEST_F(project_managers, a_stop_ends_all_in_whatever_state_and_opens_nothing_more) {
  add({"broken", "sound", "removed"});
  until_serving({"broken", "sound", "removed"});
  remove("broken");
  damage("broken");
  add({"broken"});
  until_opened();
  const auto reader = open_stream(*projects_->find("sound")->streams());
  openings_.hold({"slow_1", "slow_2"});
  const auto before = openings_.begun();
  add({"slow_1", "slow_2"});
  until([&] { return openings_.begun().size() == before.size() + 2; });
  add({"too_late"});
  bool removed = false;
  projects_->remove("removed", [&](const result<void>&) { removed = true; });

  bool stopped = false;
  projects_->stop([&] { stopped = true; });
  EXPECT_EQ(projects_->add(config("another")).error().code, errc::unavailable);
  openings_.let_go();
  until([&] { return stopped; });
  EXPECT_TRUE(removed);
  EXPECT_EQ(projects_->size(), 0U);
  EXPECT_EQ(reader->ended, streams::end_reason::shutdown);
  EXPECT_EQ(openings_.begun().size(), before.size() + 2) << "one was opened all the same";
}

TEST_F(project_managers, the_volume_is_shared_by_as_many_as_there_are) {
  const auto share = [](double of_one, std::size_t projects) {
    constexpr std::uint64_t any = std::uint64_t{1} << 60U;
    return of_one * static_cast<double>(share_of_volume(any, projects)) /
           static_cast<double>(share_of_volume(any, 1));
  };
  add({"a"});
  until_serving({"a"});
  const auto alone = gauge("pulse_log_retention_bytes", "a");
  ASSERT_GT(alone, 0);
  add({"b", "c", "d"});
  until_serving({"b", "c", "d"});
  for (const auto* name : {"a", "b", "c", "d"})
    EXPECT_NEAR(gauge("pulse_log_retention_bytes", name), share(alone, 4), 16) << name;
  remove("b");
  EXPECT_NEAR(gauge("pulse_log_retention_bytes", "a"), share(alone, 3), 16);
  remove("c");
  EXPECT_NEAR(gauge("pulse_log_retention_bytes", "a"), alone, 16);
}

TEST_F(project_managers, settings_that_are_read_again_hold_also_for_one_that_is_opening) {
  openings_.hold({"opening"});
  add({"serving", "opening"});
  until_serving({"serving"});
  for (const auto* name : {"serving", "opening", "not there"}) {
    auto changed = config(name);
    changed.retention_bytes = 123'456'789;
    projects_->use(changed);
  }
  openings_.let_go();
  until_serving({"opening"});
  for (const auto* name : {"serving", "opening"})
    EXPECT_EQ(gauge("pulse_log_retention_bytes", name), 123'456'789) << name;
}

}  // namespace
}  // namespace pulse::app::project_manager_test
