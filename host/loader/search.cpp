#include "loader/search.hpp"

#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace afs {
namespace {

namespace fs = std::filesystem;

size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

bool is_file(const std::string& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

void add_folder(const std::string& folder, const std::string& source, std::vector<Candidate>& out) {
    std::error_code error;
    std::vector<Candidate> here;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        Candidate found;
        found.path = it->path().string();
        found.source = source;
        if (parse_plugin_file_name(found.path, found.kind, found.name)) here.push_back(found);
    }
    std::sort(here.begin(), here.end(),
              [](const Candidate& a, const Candidate& b) { return a.path < b.path; });
    out.insert(out.end(), here.begin(), here.end());
}

std::string folders_of(const PluginSearch& search) {
    std::vector<std::string> folders = search.env_folders;
    folders.insert(folders.end(), search.folders.begin(), search.folders.end());
    if (folders.empty()) return "any folder (none is configured)";
    std::string text;
    for (const std::string& folder : folders) text += (text.empty() ? "'" : ", '") + folder + "'";
    return text;
}

std::string not_found_text(const PluginSearch& search, const std::string& kind,
                           const std::string& name) {
    std::string text = "cannot find " + kind + " plugin '" + name + "': no file afs-" + kind + "-" +
                       name + ".so in " + folders_of(search);
    std::set<std::string> names;
    for (const Candidate& c : list_candidates(search))
        if (c.kind == kind) names.insert(c.name);
    std::string nearest, all;
    size_t least = std::max<size_t>(2, name.size() / 2) + 1;
    for (const std::string& candidate : names) {
        all += (all.empty() ? "" : ", ") + candidate;
        const size_t distance = edit_distance(name, candidate);
        if (distance < least) least = distance, nearest = candidate;
    }
    if (!nearest.empty()) text += "; did you mean '" + nearest + "'?";
    text += all.empty() ? "; there is no " + kind + " plugin there" : "; there are: " + all;
    for (const std::string& note : search.notes) text += "; " + note;
    return text + "; name a file with --plugin FILE or the config's plugins." + name + ".path";
}

// A file given by --plugin whose name has another form is known by its descriptor only.
Result<bool> file_is(const std::string& path, const std::string& kind, const std::string& name) {
    std::string file_kind, file_name;
    if (parse_plugin_file_name(path, file_kind, file_name))
        return file_kind == kind && file_name == name;
    AFS_ASSIGN(const auto file, load_plugin(path, ""));
    return file->kind == kind && file->name == name;
}

}  // namespace

bool parse_plugin_file_name(const std::string& path, std::string& kind, std::string& name) {
    const std::string file = fs::path(path).filename().string();
    for (const std::string& k : plugin_kinds()) {
        const std::string lead = "afs-" + k + "-";
        if (file.size() > lead.size() + 3 && file.compare(0, lead.size(), lead) == 0 &&
            file.compare(file.size() - 3, 3, ".so") == 0) {
            kind = k;
            name = file.substr(lead.size(), file.size() - lead.size() - 3);
            return true;
        }
    }
    return false;
}

std::string names_or_where(const std::string& names, const PluginSearch& search) {
    return names.empty() ? "none, in " + folders_of(search) + ": " + kGetPlugins : names;
}

PluginSearch standard_search() {
    PluginSearch search;
    const char* path = std::getenv("AFS_PLUGIN_PATH");
    if (path && getauxval(AT_SECURE) != 0) {
        search.notes.push_back("AFS_PLUGIN_PATH is ignored because the program runs set-uid");
    } else if (path) {
        const std::string text = path;
        for (size_t from = 0; from <= text.size();) {
            const size_t colon = std::min(text.find(':', from), text.size());
            if (colon > from) search.env_folders.push_back(text.substr(from, colon - from));
            from = colon + 1;
        }
    }
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (error) {
        search.notes.push_back(
            "the program's own folder is unknown (/proc/self/exe: " + error.message() + ")");
        return search;
    }
    const fs::path prefix = self.parent_path().parent_path();
    search.folders = {(prefix / "plugins").string(),
                      (prefix / AFS_INSTALL_LIBDIR / "afs" / "plugins").string()};
    return search;
}

Result<std::string> find_plugin(const PluginSearch& search, const std::string& kind,
                                const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos)
        return invalid("cannot find " + kind + " plugin '" + name +
                       "': expected a plugin's name; name a file with --plugin FILE");
    for (const std::string& file : search.files) {
        AFS_ASSIGN(const bool found, file_is(file, kind, name));
        if (found) return file;
    }
    if (const auto it = search.paths.find(name); it != search.paths.end()) {
        if (is_file(it->second)) return it->second;
        return not_found("cannot find " + kind + " plugin '" + name + "': the config's plugins." +
                         name + ".path names '" + it->second + "', which is no file");
    }
    for (const auto* folders : {&search.env_folders, &search.folders})
        for (const std::string& folder : *folders) {
            const std::string path =
                (fs::path(folder) / ("afs-" + kind + "-" + name + ".so")).string();
            if (is_file(path)) return path;
        }
    return not_found(not_found_text(search, kind, name));
}

Result<std::shared_ptr<const PluginFile>> find_and_load(const PluginSearch& search,
                                                        const std::string& kind,
                                                        const std::string& name) {
    AFS_ASSIGN(const std::string path, find_plugin(search, kind, name));
    return load_plugin(path, kind);
}

std::vector<Candidate> list_candidates(const PluginSearch& search) {
    std::vector<Candidate> all;
    const auto add_file = [&all](const std::string& path, const std::string& source) {
        Candidate found;
        found.path = path;
        found.source = source;
        parse_plugin_file_name(path, found.kind, found.name);
        all.push_back(found);
    };
    for (const std::string& file : search.files) add_file(file, "--plugin");
    for (const auto& [name, path] : search.paths) {
        add_file(path, "config plugins." + name + ".path");
        all.back().name = name;
    }
    for (const std::string& folder : search.env_folders) add_folder(folder, "AFS_PLUGIN_PATH", all);
    for (const std::string& folder : search.folders) add_folder(folder, folder, all);
    std::set<std::string> taken, paths;
    std::vector<Candidate> kept;
    for (Candidate& c : all) {
        std::error_code error;
        const fs::path canonical = fs::weakly_canonical(c.path, error);
        if (!paths.insert(error ? c.path : canonical.string()).second) continue;
        c.shadowed = !c.kind.empty() && !taken.insert(c.kind + "-" + c.name).second;
        kept.push_back(std::move(c));
    }
    return kept;
}

}  // namespace afs
