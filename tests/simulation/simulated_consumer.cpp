#include "tests/simulation/simulated_consumer.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/parse.hpp>

#include "tests/simulation/fake_database.hpp"

namespace pulse::simulation {

namespace json = boost::json;

namespace {

constexpr std::size_t under_way_max = 40;

std::uint64_t pick(std::mt19937_64& chance, std::uint64_t from, std::uint64_t to) {
  return std::uniform_int_distribution<std::uint64_t>(from, to)(chance);
}

requests::stream_request request_for(std::uint32_t table, const std::string& name) {
  requests::stream_request wanted;
  wanted.name = name;
  wanted.model.name = wanted.model.table = fake_database::name(table).name;
  for (const auto* column : {"id", "value"})
    wanted.model.fields.push_back({column, column, "String", false});
  wanted.wanted = {json::object(), json::object(), json::object()};
  return wanted;
}

}  // namespace

class simulated_consumer::connection final : public streams::subscriber {
 public:
  explicit connection(simulated_consumer& of) : of_(&of) {}
  void send(const event_id& /*id*/, std::string_view event_json) override { of_->take(event_json); }
  std::size_t unsent_bytes() const override { return congested ? std::size_t{1} << 30U : 0; }
  void end(streams::end_reason reason, std::string_view message) override {
    if (reason != streams::end_reason::gap)
      of_->problem_ = "a stream ended: " + std::string(message);
    of_->opened_ = false;
    of_->disconnect(false);
  }
  bool congested = false;

 private:
  simulated_consumer* of_;
};

simulated_consumer::simulated_consumer(std::uint32_t table, std::string name, plant bug,
                                       told on_event, told on_acknowledged)
    : table_(table),
      name_(std::move(name)),
      bug_(bug),
      on_event_(std::move(on_event)),
      on_acknowledged_(std::move(on_acknowledged)) {}

streams::cursor_key simulated_consumer::cursor() const {
  return {fake_database::name(table_), name_};
}

void simulated_consumer::connect(streams::hub& to, const position& start) {
  hub_ = &to;
  last_id_ = {};
  came_.clear();
  connection_ = std::make_shared<connection>(*this);
  const table_shape shape{std::make_shared<const relation>(fake_database::definition(table_)),
                          nullptr};
  to.open({request_for(table_, name_), shape, start, connection_},
          [this, mine = std::weak_ptr(connection_)](const result<filters::stream_id>& opened) {
            if (mine.expired() || mine.lock() != connection_) return;
            if (opened) {
              opened_ = true;
              stream_ = *opened;
              return;
            }
            // Without a name it is told to wait while the end of a gap is not known.
            const auto expected = named() ? errc::gap : errc::unavailable;
            if (opened.error().code != expected) problem_ = opened.error().message();
            disconnect(false);
          });
}

void simulated_consumer::disconnect(bool closed) {
  if (closed && connection_ && !opened_) return;
  const auto ended = std::exchange(connection_, nullptr);
  // What it has in hand it still works on, and acknowledges when it is back.
  if (closed && std::exchange(opened_, false)) hub_->close(stream_);
  opened_ = false;
}

void simulated_consumer::congest(bool full) {
  if (!connection_) return;
  connection_->congested = full;
  if (!full && opened_) hub_->writable(stream_);
}

void simulated_consumer::take(std::string_view event_json) {
  const auto event = json::parse(event_json).as_object();
  const auto* row = event.if_contains("created");
  if (row == nullptr) row = event.if_contains("after");
  if (row == nullptr) row = event.if_contains("deleted");
  const received one{std::string(row->at("id").as_string()),
                     *parse_event_id(event.at("id").as_string())};
  if (one.id <= last_id_) problem_ = "the row " + one.key + " came out of order";
  last_id_ = one.id;
  came_.push_back(one.id);
  in_hand_.push_back(one);
  on_event_(one);
}

void simulated_consumer::acknowledge(std::mt19937_64& chance) {
  if (in_hand_.empty() || under_way_.size() >= under_way_max) return;
  const auto number = pick(chance, 1, 4) == 1 ? pick(chance, 0, in_hand_.size() - 1) : 0;
  const auto one = in_hand_[number];
  in_hand_.erase(in_hand_.begin() + static_cast<std::ptrdiff_t>(number));
  on_acknowledged_(one);
  under_way_.push_back(one.id);
}

void simulated_consumer::acknowledge_to_hub(const event_id& id) {
  if (bug_ == plant::cursor_past_unacknowledged) {
    for (const auto& one : came_) {
      if (one < id) hub_->acknowledge(stream_, one);
    }
  }
  hub_->acknowledge(stream_, id);
}

bool simulated_consumer::deliver_acknowledgements(std::mt19937_64& chance) {
  if (under_way_.empty() || !opened_) return false;
  const auto number = pick(chance, 1, 3) == 1 ? pick(chance, 0, under_way_.size() - 1) : 0;
  const auto id = under_way_[number];
  acknowledge_to_hub(id);
  const bool again = pick(chance, 1, 10) == 1;
  if (!again) under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(number));
  return true;
}

}  // namespace pulse::simulation
