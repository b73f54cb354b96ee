#include "streams/table_watch.hpp"

#include <utility>

namespace pulse::streams {
namespace {

// Of the log, in one turn: some milliseconds.
constexpr std::uint64_t looked_bytes_a_turn = std::uint64_t{2} << 20U;

}  // namespace

void table_watch::add(page_number reader, const std::vector<table_id>& tables,
                      const position& place) {
  ++readers_;
  bool is_new = !reader_;
  for (const auto table : tables) {
    auto& of_table = waiting_[table];
    is_new = is_new || of_table.empty();
    of_table.insert(reader);
  }
  // Some begin behind the last event, where others who wait have not come yet: nothing is between.
  if (reader_ && place < looked_through()) return read_from(place);
  if (is_new) read_from(reader_ ? looked_through() : place);
}

void table_watch::remove(page_number reader, const std::vector<table_id>& tables) {
  --readers_;
  for (const auto table : tables) {
    const auto found = waiting_.find(table);
    if (found == waiting_.end()) continue;
    found->second.erase(reader);
    if (found->second.empty()) waiting_.erase(found);
  }
  // Nobody has to be read for: the next one begins where it stands.
  if (readers_ == 0) reader_.reset();
}

void table_watch::read_from(const position& place) {
  std::vector<table_id> tables;
  tables.reserve(waiting_.size());
  for (const auto& [table, readers] : waiting_) tables.push_back(table);
  reader_ = log::read_deliverable(*log_, deliverable_, place, log::wanted_tables(tables));
}

std::vector<page_number> table_watch::look() {
  std::unordered_set<page_number> concerned;
  if (!reader_) return {};
  reader_->allow(looked_bytes_a_turn);
  for (;;) {
    const auto read = reader_->next();
    if (!read) {
      for (const auto& [table, readers] : waiting_)
        concerned.insert(readers.begin(), readers.end());
      break;
    }
    if (*read == nullptr) break;
    const auto found = waiting_.find((*read)->table);
    if (found != waiting_.end()) concerned.insert(found->second.begin(), found->second.end());
  }
  return {concerned.begin(), concerned.end()};
}

}  // namespace pulse::streams
