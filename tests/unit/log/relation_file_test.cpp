#include "log/relation_file.hpp"

#include <string>

#include <gtest/gtest.h>

#include "log/crc32c.hpp"
#include "tests/support/fault_storage.hpp"

namespace pulse::log {
namespace {

using testing::fault_disk;
using testing::open_disk;

relation users(std::size_t columns) {
  relation made;
  made.oid = 16384;
  made.table = {"public", "User"};
  made.identity = replica_identity::full;
  for (std::size_t i = 0; i < columns; ++i) {
    column one;
    one.name = "c" + std::to_string(i);
    one.type = {1043, 24, "varchar", value_kind::text, i % 2 == 1, ';', {}};
    one.in_identity = i == 0;
    made.columns.push_back(one);
  }
  return made;
}

// With a column of a type that consists of others.
relation with_parts() {
  auto made = users(1);
  column_type bound{23, -1, "int4", value_kind::int4, false, ',', {}};
  column_type range{3904, -1, "int4range", value_kind::range, true, ',', {}};
  range.parts = {{"", bound}};
  column_type pair{16400, -1, "pair", value_kind::composite, false, ',', {}};
  pair.parts = {{"a", bound}, {"b c", range}};
  made.columns.push_back({"c", pair, false});
  return made;
}

// As a version without a bound has stored it.
column_type doubled_type(int levels) {
  if (levels == 0) return {23, -1, "int4", value_kind::int4, false, ',', {}};
  column_type type{16400, -1, "t" + std::to_string(levels), value_kind::composite, false, ',', {}};
  const auto below = doubled_type(levels - 1);
  type.parts = {{"a", below}, {"b", below}};
  return type;
}

// What an older version wrote: a definition whose types have no parts.
std::string old_record(const relation& definition, relation_version version) {
  std::string payload(1, '\2');
  const auto text = [&](std::string_view part) {
    append_little(payload, static_cast<std::uint32_t>(part.size()));
    payload += part;
  };
  append_little(payload, version);
  text(definition.table.schema);
  text(definition.table.name);
  append_little(payload, definition.oid);
  payload += static_cast<char>(definition.identity);
  append_little(payload, static_cast<std::uint32_t>(definition.columns.size()));
  for (const auto& one : definition.columns) {
    text(one.name);
    payload += one.in_identity ? '\1' : '\0';
    append_little(payload, one.type.oid);
    append_little(payload, static_cast<std::uint32_t>(one.type.modifier));
    text(one.type.name);
    payload += static_cast<char>(one.type.kind);
    payload += one.type.is_list ? '\1' : '\0';
    payload += one.type.delimiter;
  }
  std::string record = "RELN";
  append_little(record, static_cast<std::uint32_t>(payload.size()));
  append_little(record, crc32c(as_byte_view(payload)));
  return record + payload;
}

class relation_file_on_a_disk : public ::testing::Test {
 protected:
  void open() {
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().message();
    file_ = std::move(opened).value();
  }
  result<std::unique_ptr<relation_file>> try_open() {
    file_.reset();
    return relation_file::open(*open_disk(disk_));
  }

  std::shared_ptr<fault_disk> disk_ = std::make_shared<fault_disk>();
  std::unique_ptr<relation_file> file_;
};

TEST_F(relation_file_on_a_disk, the_same_definition_keeps_its_version_and_another_gets_the_next) {
  open();
  const auto first = file_->describe(users(2));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->version, 1U);
  EXPECT_EQ(file_->describe(users(2))->version, 1U);
  EXPECT_EQ(file_->describe(users(3))->version, 2U);
  EXPECT_EQ(file_->describe(users(3))->table, first->table);
  EXPECT_EQ(file_->describe(users(2))->version, 3U) << "going back is a new version";
  EXPECT_EQ(*file_->find(2), users(3));
  EXPECT_EQ(file_->find(0), nullptr);
  EXPECT_EQ(file_->find(4), nullptr);
}

TEST_F(relation_file_on_a_disk, what_was_described_survives_a_power_cut) {
  open();
  const auto waiting = file_->table(0, {"public", "later"});
  const auto described = file_->describe(users(5));
  ASSERT_TRUE(waiting);
  ASSERT_TRUE(described);
  fault_disk::random chance(1);
  disk_ = disk_->after_power_cut(chance);
  open();
  EXPECT_EQ(*file_->find(described->version), users(5));
  EXPECT_EQ(file_->describe(users(5))->version, described->version);
  EXPECT_EQ(*file_->table(0, {"public", "later"}), *waiting);
  EXPECT_NE(*file_->table(0, {"other", "later"}), *waiting);
}

TEST_F(relation_file_on_a_disk,
       a_definition_whose_sync_failed_is_durable_when_the_next_attempt_succeeds) {
  open();
  const auto first = file_->describe(users(2));
  ASSERT_TRUE(first);
  disk_->syncs_fail = true;
  EXPECT_FALSE(file_->describe(users(5)));
  disk_->syncs_fail = false;
  const auto again = file_->describe(users(5));
  ASSERT_TRUE(again);
  disk_ = disk_->durable();
  open();
  EXPECT_EQ(*file_->find(first->version), users(2));
  EXPECT_EQ(*file_->find(again->version), users(5));
}

TEST_F(relation_file_on_a_disk, a_definition_found_after_a_failed_sync_is_durable_once_it_is_used) {
  open();
  ASSERT_TRUE(file_->table(1, {"public", "first"}));
  // Killed between the failure and the removal of what was written.
  std::shared_ptr<fault_disk> found;
  disk_->syncs_fail = true;
  disk_->before_change = [&, changes = 0]() mutable {
    // Write, failed sync, truncation.
    if (++changes == 3) found = disk_->after_kill();
  };
  EXPECT_FALSE(file_->describe(users(5)));
  disk_ = found;
  open();
  const auto described = file_->describe(users(5));
  ASSERT_TRUE(described);
  disk_ = disk_->durable();
  open();
  EXPECT_EQ(*file_->find(described->version), users(5));
}

TEST_F(relation_file_on_a_disk, a_renamed_table_is_the_same_after_a_restart) {
  open();
  const auto described = file_->describe(users(2));
  ASSERT_TRUE(described);
  catalog present;
  present.database = "1/1";
  catalog_table renamed;
  renamed.oid = users(2).oid;
  renamed.name = {"public", "Customer"};
  present.tables.push_back(renamed);
  ASSERT_TRUE(file_->observe(present));
  open();
  EXPECT_EQ(file_->table(users(2).oid, {"public", "Customer"}).value(), described->table);
  EXPECT_TRUE(file_->settled(users(2).oid, {"public", "Customer"}));
  EXPECT_NE(file_->table(20000, {"public", "User"}).value(), described->table);
  // Another database: the same OID is another table.
  present.database = "2/1";
  present.tables.front().oid = 30000;
  ASSERT_TRUE(file_->observe(present));
  open();
  EXPECT_EQ(file_->table(30000, {"public", "Customer"}).value(), described->table);
  EXPECT_NE(file_->table(users(2).oid, {"public", "Elsewhere"}).value(), described->table);
}

// Written before tables had OIDs: a name, and a definition of it.
TEST_F(relation_file_on_a_disk, a_file_of_an_older_version_is_read) {
  const auto record = [](const std::string& payload) {
    std::string bytes = "RELN";
    append_little(bytes, static_cast<std::uint32_t>(payload.size()));
    append_little(bytes, crc32c(as_byte_view(payload)));
    return bytes + payload;
  };
  std::string name;
  append_little(name, std::uint32_t{6});
  name += "public";
  append_little(name, std::uint32_t{4});
  name += "User";
  std::string table(1, '\1');
  append_little(table, std::uint32_t{1});
  std::string definition(1, '\2');
  append_little(definition, std::uint32_t{1});
  const auto bytes = record(table + name);
  std::string rest = name;
  append_little(rest, std::uint32_t{16384});
  rest += 'd';
  append_little(rest, std::uint32_t{0});
  const auto whole = bytes + record(definition + rest);
  {
    const auto files = open_disk(disk_);
    auto file = files->create("relations");
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(0, as_byte_view(whole)));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(files->sync_directory());
  }
  open();
  EXPECT_EQ(file_->table(16384, {"public", "Renamed"}).value(), 1U);
  EXPECT_EQ(file_->find(1)->table, (table_name{"public", "User"}));
}

TEST_F(relation_file_on_a_disk, types_of_too_many_parts_that_are_stored_are_read_as_text) {
  auto stored = users(1);
  stored.columns.push_back({"bomb", doubled_type(14), false});
  stored.columns.push_back({"fine", doubled_type(5), false});
  ASSERT_TRUE(relation_file::open(*open_disk(disk_)).value()->describe(stored));
  const auto again = relation_file::open(*open_disk(disk_)).value();
  const auto found = again->find(1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->columns[1].type.kind, value_kind::other);
  EXPECT_TRUE(found->columns[1].type.parts.empty());
  EXPECT_EQ(found->columns[2].type, doubled_type(5));
}

TEST_F(relation_file_on_a_disk, types_that_consist_of_others_come_back) {
  open();
  ASSERT_TRUE(file_->describe(with_parts()));
  open();
  EXPECT_EQ(*file_->find(1), with_parts());
}

TEST_F(relation_file_on_a_disk, what_an_older_version_wrote_is_read_and_added_to) {
  open();
  ASSERT_TRUE(file_->table(0, users(3).table));
  disk_->content("relations") += old_record(users(3), 1);
  open();
  ASSERT_NE(file_->find(1), nullptr);
  EXPECT_EQ(*file_->find(1), users(3));
  EXPECT_EQ(file_->describe(users(3))->version, 1U);
  EXPECT_EQ(file_->describe(with_parts())->version, 2U);
  open();
  EXPECT_EQ(*file_->find(1), users(3));
  EXPECT_EQ(*file_->find(2), with_parts());
}

TEST_F(relation_file_on_a_disk, a_record_of_a_newer_version_is_refused) {
  open();
  std::string payload(1, '\x7f');
  std::string record = "RELN";
  append_little(record, static_cast<std::uint32_t>(payload.size()));
  append_little(record, crc32c(as_byte_view(payload)));
  disk_->content("relations") = record + payload;
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt);
}

TEST_F(relation_file_on_a_disk, a_definition_with_a_kind_of_values_of_a_newer_version_is_refused) {
  auto newer = users(1);
  ASSERT_TRUE(value_kind_of(value_kind_count - 1));
  for (const std::size_t number : {value_kind_count, std::size_t{255}}) {
    ASSERT_FALSE(value_kind_of(static_cast<std::uint8_t>(number)));
    newer.columns.front().type.kind = static_cast<value_kind>(number);
    disk_ = std::make_shared<fault_disk>();
    open();
    ASSERT_TRUE(file_->describe(newer));
    const auto opened = try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::corrupt);
    EXPECT_NE(opened.error().message().find("a kind of values that this version does not know"),
              std::string::npos)
        << opened.error().message();
    EXPECT_NE(opened.error().next.find("newer"), std::string::npos);
  }
}

TEST_F(relation_file_on_a_disk, a_torn_record_is_cut_wherever_it_was_torn) {
  open();
  ASSERT_TRUE(file_->describe(users(2)));
  const auto whole = disk_->content("relations");
  ASSERT_TRUE(file_->describe(users(3)));
  const auto more = disk_->content("relations");
  for (auto size = whole.size(); size < more.size(); ++size) {
    disk_->content("relations") = more.substr(0, size);
    open();
    EXPECT_EQ(disk_->content("relations"), whole) << size;
    EXPECT_NE(file_->find(1), nullptr);
    EXPECT_EQ(file_->find(2), nullptr);
    EXPECT_EQ(file_->describe(users(3))->version, 2U);
  }
}

TEST_F(relation_file_on_a_disk, damage_before_the_last_record_is_refused) {
  open();
  ASSERT_TRUE(file_->describe(users(2)));
  const auto first = disk_->content("relations").size();
  ASSERT_TRUE(file_->describe(users(3)));
  const auto intact = disk_->content("relations");
  for (std::size_t at = 0; at < first; ++at) {
    auto& bytes = disk_->content("relations");
    bytes = intact;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    const auto opened = try_open();
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().code, errc::corrupt);
  }
}

TEST_F(relation_file_on_a_disk, whole_records_that_do_not_follow_from_each_other_are_refused) {
  open();
  ASSERT_TRUE(file_->describe(users(2)));
  auto& content = disk_->content("relations");
  const auto once = content;
  content = once + once;
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt);
  EXPECT_NE(opened.error().what.find("table number 1"), std::string::npos) << opened.error().what;
}

TEST_F(relation_file_on_a_disk, a_full_disk_is_no_space_and_works_again_when_there_is_room) {
  open();
  ASSERT_TRUE(file_->describe(users(2)));
  disk_->set_capacity(disk_->content("relations").size() + 20);
  const auto refused = file_->describe(users(30));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::no_space);
  disk_->set_capacity(1000000);
  EXPECT_EQ(file_->describe(users(30))->version, 2U);
  open();
  EXPECT_EQ(*file_->find(2), users(30));
}

}  // namespace
}  // namespace pulse::log
