// Check a bundle of aezoo, and run its model on a PNG: reconstruct BUNDLE [IMAGE OUTPUT]
//
// Needs onnxruntime, nlohmann-json, OpenSSL and libpng (see CMakeLists.txt), and a little-endian machine.
// Exit code: 0 all good, 1 a check failed, 2 bad usage or an unreadable file.

#include <onnxruntime_cxx_api.h>
#include <openssl/evp.h>
#include <png.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

using Json = nlohmann::json;
using Files = std::map<std::string, std::string>;  // name → bytes

struct Tensor {
    std::vector<float> values;
    std::vector<int64_t> shape;  // images: batch, channels, height, width
};

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open() || file.bad()) throw std::runtime_error("cannot read " + path.string());
    return bytes;
}

std::string sha256(const std::string& bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr))
        throw std::runtime_error("OpenSSL has no sha256");
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", digest[i]);
        hex += two;
    }
    return hex;
}

// Return the files that a card lists, or nothing where a sha256 differs. A name never leads out of the bundle.
Files load(const std::filesystem::path& bundle, const Json& card) {
    static const std::regex inside("(?!.*\\.\\.)[A-Za-z0-9_][A-Za-z0-9_./-]*");
    if (card.at("files").empty()) throw std::runtime_error("card.json lists no file");
    Files files;
    bool good = true;
    for (const auto& [name, listed] : card.at("files").items()) {
        if (name.size() > 200 || !std::regex_match(name, inside))
            throw std::runtime_error("card.json names '" + name + "', which is not a file of the bundle");
        files[name] = read(bundle / name);
    }
    for (const auto& [name, bytes] : files) {
        if (sha256(bytes) == card["files"][name].at("sha256")) continue;
        std::cout << "sha256 FAILED: " << name << "\n";
        good = false;
    }
    if (!good) return {};
    std::cout << "sha256 ok: " << files.size() << " files\n";
    return files;
}

const std::string& file(const Files& files, const std::string& name) {
    const auto found = files.find(name);
    if (found == files.end()) throw std::runtime_error("the bundle has no '" + name + "'");
    return found->second;
}

// A graph ready to run, on one thread: the graphs are too small to share out.
class Graph {
  public:
    Graph(const Ort::Env& env, const std::string& bytes) : session_(env, bytes.data(), bytes.size(), options()) {}

    std::vector<Tensor> run(const std::string& input, Tensor image, const std::vector<std::string>& outputs) {
        const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
        const auto value = Ort::Value::CreateTensor<float>(memory, image.values.data(), image.values.size(),
                                                           image.shape.data(), image.shape.size());
        if (value.GetTensorTypeAndShapeInfo().GetElementCount() != image.values.size())
            throw std::runtime_error("test/vectors.json lists another size than its file has");
        std::vector<const char*> names;
        for (const auto& name : outputs) names.push_back(name.c_str());
        const char* port = input.c_str();
        std::vector<Tensor> tensors;
        for (const auto& answer : session_.Run({}, &port, &value, 1, names.data(), names.size())) {
            const auto info = answer.GetTensorTypeAndShapeInfo();
            if (info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
                throw std::runtime_error("a graph gives something else than float32");
            const float* data = answer.GetTensorData<float>();
            tensors.push_back({{data, data + info.GetElementCount()}, info.GetShape()});
        }
        return tensors;
    }

  private:
    static Ort::SessionOptions options() {
        Ort::SessionOptions options;
        options.SetIntraOpNumThreads(1);
        return options;
    }

    Ort::Session session_;
};

// Return a tensor of test/vectors.json: raw float32, little-endian.
Tensor vector(const Files& files, const Json& entry) {
    const std::string& bytes = file(files, "test/" + entry.at("file").get<std::string>());
    Tensor tensor{std::vector<float>(bytes.size() / sizeof(float)), entry.at("shape").get<std::vector<int64_t>>()};
    std::memcpy(tensor.values.data(), bytes.data(), tensor.values.size() * sizeof(float));
    return tensor;
}

// Return the largest |difference|; it is not a number where one of the values is not.
double difference(const Tensor& a, const Tensor& b) {
    if (a.shape != b.shape || a.values.size() != b.values.size())
        throw std::runtime_error("a graph gives another shape than test/vectors.json");
    double worst = 0;
    for (size_t i = 0; i < a.values.size(); ++i) {
        const double here = std::abs(double{a.values[i]} - double{b.values[i]});
        if (std::isnan(here)) return here;
        worst = std::max(worst, here);
    }
    return worst;
}

// Run the test vectors through every graph, print each largest difference, return whether all are allowed.
bool check(const Ort::Env& env, const Files& files) {
    const Json vectors = Json::parse(file(files, "test/vectors.json"));
    const Json &tensors = vectors.at("tensors"), &graphs = vectors.at("graphs");
    for (const auto& [name, bytes] : files) {
        const bool is_graph = std::filesystem::path(name).extension() == ".onnx";
        if (is_graph && (!graphs.contains(name) || graphs[name].at("outputs").empty()))
            throw std::runtime_error("test/vectors.json has no vector for " + name);
    }
    bool good = true;
    for (const auto& [graph, ports] : graphs.items()) {
        std::vector<std::string> names;
        for (const auto& output : ports.at("outputs").items()) names.push_back(output.key());
        const std::string input = ports.at("input");
        const auto answers = Graph(env, file(files, graph)).run(input, vector(files, tensors.at(input)), names);
        for (size_t i = 0; i < names.size(); ++i) {
            const double allowed = ports["outputs"][names[i]].at("tolerance");
            const double found = difference(answers[i], vector(files, tensors.at(names[i])));
            const bool near = found <= allowed;
            char numbers[64];
            std::snprintf(numbers, sizeof numbers, "%.1e of %.1e", found, allowed);
            std::cout << graph << " " << names[i] << ": " << numbers << (near ? " ok\n" : " FAILED\n");
            good = good && near;
        }
    }
    return good;
}

// Read a PNG as the input of a graph: cropped around the centre, each pixel the mean of those that it covers.
Tensor read_image(const std::string& path, int64_t channels, int64_t height, int64_t width) {
    if ((channels != 1 && channels != 3) || height < 1 || width < 1 || height > 16384 || width > 16384)
        throw std::runtime_error("the model's input is no image");
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_file(&png, path.c_str()))
        throw std::runtime_error("cannot read " + path + " as a PNG: " + png.message);
    png.format = PNG_FORMAT_RGBA;  // A is left aside
    std::vector<uint8_t> bytes(size_t{4} * png.width * png.height);
    if (!png_image_finish_read(&png, nullptr, bytes.data(), 0, nullptr))
        throw std::runtime_error("cannot read " + path + " as a PNG: " + png.message);

    const int64_t wide = std::clamp<int64_t>(png.height * width / height, 1, png.width);
    const int64_t high = std::clamp<int64_t>(png.width * height / width, 1, png.height);
    const int64_t left = (png.width - wide) / 2, top = (png.height - high) / 2;
    const double weights[4][3] = {{0.299, 0.587, 0.114}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}};  // grey; R, G, B
    Tensor image{{}, {1, channels, height, width}};
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t y = 0; y < height; ++y)
            for (int64_t x = 0; x < width; ++x) {
                const double* weight = weights[channels == 1 ? 0 : c + 1];
                double sum = 0;
                int64_t count = 0;
                for (int64_t v = top + y * high / height; v < top + ((y + 1) * high + height - 1) / height; ++v)
                    for (int64_t u = left + x * wide / width; u < left + ((x + 1) * wide + width - 1) / width; ++u) {
                        const uint8_t* rgb = &bytes[4 * (v * png.width + u)];
                        sum += weight[0] * rgb[0] + weight[1] * rgb[1] + weight[2] * rgb[2];
                        ++count;
                    }
                image.values.push_back(static_cast<float>(sum / count / 255));
            }
    return image;
}

void write_image(const std::string& path, const Tensor& image) {
    const size_t channels = image.shape[1], area = image.shape[2] * image.shape[3];
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < area; ++i)
        for (size_t c = 0; c < channels; ++c)
            bytes.push_back(static_cast<uint8_t>(std::lround(255 * std::clamp(image.values[c * area + i], 0.F, 1.F))));
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    png.width = static_cast<png_uint_32>(image.shape[3]);
    png.height = static_cast<png_uint_32>(image.shape[2]);
    png.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    if (!png_image_write_to_file(&png, path.c_str(), 0, bytes.data(), 0, nullptr))
        throw std::runtime_error("cannot write " + path + ": " + png.message);
}

// Print what a classifier takes the image for: the largest softmax of its logits.
void name(const Tensor& logits, const Json& classes) {
    const auto best = std::max_element(logits.values.begin(), logits.values.end());
    double sum = 0;
    for (const float value : logits.values) sum += std::exp(value - *best);
    const Json& label = classes.at(best - logits.values.begin());
    char odds[32];
    std::snprintf(odds, sizeof odds, " (%.2f)", 1 / sum);
    std::cout << "named: " << (label.is_string() ? label.get<std::string>() : label.dump()) << odds << "\n";
}

// Run an image through the model: save the reconstruction, or print what a classifier takes it for.
void run(const Ort::Env& env, const Json& card, const std::string& model, const std::string& source,
         const std::string& output) {
    const Json &input = card.at("inputs").at(0), &shape = input.at("shape"), &outputs = card.at("outputs");
    const Tensor image = read_image(source, shape.at(1), shape.at(2), shape.at(3));
    const auto find = [&](const char* name) {
        return std::find_if(outputs.begin(), outputs.end(), [&](const Json& port) { return port.at("name") == name; });
    };
    Graph graph(env, model);
    if (find("reconstruction") == outputs.end()) {
        if (find("logits") == outputs.end()) throw std::runtime_error("the model neither reconstructs nor classifies");
        name(graph.run(input.at("name"), image, {"logits"})[0], find("logits")->at("classes"));
        return;
    }
    const auto start = std::chrono::steady_clock::now();
    const Tensor answer = graph.run(input.at("name"), image, {"reconstruction"})[0];
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (answer.shape.size() != 4 || (answer.shape[1] != 1 && answer.shape[1] != 3))
        throw std::runtime_error("the reconstruction is no image");
    write_image(output, answer);
    char milliseconds[32];
    std::snprintf(milliseconds, sizeof milliseconds, "%.1f ms", took.count());
    std::cout << "wrote " << output << ": " << answer.shape[3] << "×" << answer.shape[2] << ", " << milliseconds
              << "\n";
}

int main(int count, char** arguments) {
    if (count != 2 && count != 4) {
        std::cerr << "usage: reconstruct BUNDLE [IMAGE OUTPUT]\n";
        return 2;
    }
    try {
        const std::filesystem::path bundle = arguments[1];
        const Json card = Json::parse(read(bundle / "card.json"));
        const Files files = load(bundle, card);
        const Ort::Env env(ORT_LOGGING_LEVEL_ERROR);
        if (files.empty() || !check(env, files)) return 1;
        if (count == 4) run(env, card, file(files, "model.onnx"), arguments[2], arguments[3]);
        return 0;
    } catch (const Json::exception& error) {
        std::cerr << "reconstruct: card.json or test/vectors.json is not one of aezoo: " << error.what() << "\n";
    } catch (const std::exception& error) {
        std::cerr << "reconstruct: " << std::regex_replace(error.what(), std::regex("\\s+"), " ") << "\n";
    }
    return 2;
}
