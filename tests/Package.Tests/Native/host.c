/* A C program that hosts EoOnnx: every promise of eoonnx.h, one check a line. Arguments: MODEL SCENE MAP BIG_SCENE BIG_MAP ADAPTER ADAPTED_MAP */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eoonnx.h"

static int failures;

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            failures++;                                                                                           \
            fprintf(stderr, "line %d: %s is false; last error: %s\n", __LINE__, #condition, eoonnx_last_error()); \
        }                                                                                                         \
    } while (0)

typedef struct {
    int calls;
    int64_t tiles;
    int64_t tile_count;
    int stop_after;
} progress_state;

static int count_progress(const char *stage, int64_t tiles, int64_t tile_count, double pixels_per_second, void *user_data) {
    progress_state *state = user_data;
    CHECK(strcmp(stage, "planned") == 0 || strcmp(stage, "mapping") == 0 || strcmp(stage, "finishing") == 0);
    CHECK(tiles >= 0 && tiles <= tile_count && pixels_per_second >= 0);
    state->calls++;
    state->tiles = tiles;
    state->tile_count = tile_count;
    return state->stop_after > 0 && state->calls >= state->stop_after;
}

static void *ask_for_error(void *result) {
    *(int *)result = strlen(eoonnx_last_error()) == 0;
    return NULL;
}

static int file_exists(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file) fclose(file);
    return file != NULL;
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    const char *model_path = argv[1], *scene = argv[2], *map = argv[3], *big_scene = argv[4], *big_map = argv[5];
    const char *adapter_path = argv[6], *adapted_map = argv[7];

    CHECK(eoonnx_abi_version() == EOONNX_ABI_VERSION);
    CHECK(strlen(eoonnx_version()) > 0);
    CHECK(strcmp(eoonnx_last_error(), "") == 0);

    /* errors have words, and belong to their thread */
    CHECK(eoonnx_model_open("/no/such/model.onnx", NULL) == NULL);
    CHECK(strstr(eoonnx_last_error(), "/no/such/model.onnx") != NULL);
    int other_thread_is_clean = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, ask_for_error, &other_thread_is_clean);
    pthread_join(thread, NULL);
    CHECK(other_thread_is_clean);
    CHECK(eoonnx_model_open(NULL, NULL) == NULL);
    CHECK(eoonnx_model_open(model_path, "{\"thraeds\":1}") == NULL);
    CHECK(strstr(eoonnx_last_error(), "thraeds") != NULL);
    CHECK(eoonnx_model_open(model_path, "{\"threads\":-1}") == NULL);
    CHECK(eoonnx_model_open(model_path, "not json") == NULL);

    eoonnx_model *model = eoonnx_model_open(model_path, "{\"device\":\"cpu\",\"threads\":1}");
    CHECK(model != NULL);
    char *manifest = eoonnx_model_manifest(model);
    CHECK(manifest != NULL && strstr(manifest, "\"bands\"") != NULL);
    eoonnx_string_free(manifest);
    eoonnx_string_free(NULL);

    /* a scene with progress and a report */
    progress_state state = {0};
    char *report = NULL;
    CHECK(eoonnx_run_scene(model, NULL, scene, map, "{\"overlap\":\"4\",\"blend\":\"none\"}", count_progress, &state, &report) == EOONNX_OK);
    CHECK(state.calls > 1 && state.tiles == state.tile_count && state.tile_count > 1);
    CHECK(report != NULL && strstr(report, "\"predicted\"") != NULL);
    CHECK(file_exists(map));
    eoonnx_string_free(report);

    /* a map of whole numbers with a style, a picture and the work area left in place */
    char quantised[4096], beside[4200];
    snprintf(quantised, sizeof quantised, "%s.quantised.tif", map);
    CHECK(eoonnx_run_scene(model, NULL, scene, quantised,
                           "{\"overlap\":\"4\",\"blend\":\"linear\",\"blendSpace\":\"probability\",\"quantise\":[0,600],\"keepWork\":true,\"style\":\"\",\"quickLook\":\"\","
                           "\"noDataRule\":\"all\",\"inputCheck\":\"off\",\"onError\":\"noData\",\"mostDamage\":0.5,\"memory\":4294967296,\"deterministic\":true,\"gramsPerKilowattHour\":300}",
                           NULL, NULL, &report) == EOONNX_OK);
    CHECK(report != NULL && strstr(report, "co2Grams") != NULL);
    eoonnx_string_free(report);
    snprintf(beside, sizeof beside, "%s.eoonnx/journal.jsonl", quantised);
    CHECK(file_exists(beside));
    snprintf(beside, sizeof beside, "%.*s.qml", (int)strlen(quantised) - 4, quantised);
    CHECK(file_exists(beside));
    snprintf(beside, sizeof beside, "%.*s.png", (int)strlen(quantised) - 4, quantised);
    CHECK(file_exists(beside));
    CHECK(eoonnx_run_scene(model, NULL, scene, quantised, "{\"quantise\":[1]}", NULL, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(strstr(eoonnx_last_error(), "quantise") != NULL);
    CHECK(eoonnx_run_scene(model, NULL, scene, quantised, "{\"masks\":[\"nonsense\"]}", NULL, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(eoonnx_run_scene(model, NULL, scene, quantised, "{\"blendSpace\":\"magic\"}", NULL, NULL, NULL) == EOONNX_INVALID_ARGUMENT);

    /* the map exists now; wrong paths and options */
    CHECK(eoonnx_run_scene(model, NULL, scene, map, NULL, NULL, NULL, NULL) == EOONNX_FAILED);
    CHECK(eoonnx_run_scene(model, NULL, "/no/such/scene.tif", map, NULL, NULL, NULL, &report) == EOONNX_FAILED);
    CHECK(report == NULL && strstr(eoonnx_last_error(), "/no/such/scene.tif") != NULL);
    CHECK(eoonnx_run_scene(model, NULL, scene, map, "{\"window\":[1,2]}", NULL, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(eoonnx_run_scene(model, NULL, scene, map, "{\"blend\":\"magic\"}", NULL, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(eoonnx_run_scene(model, NULL, NULL, map, NULL, NULL, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(eoonnx_adapter_load(model, "/no/such/adapter.safetensors") == NULL);
    CHECK(strstr(eoonnx_last_error(), "/no/such/adapter.safetensors") != NULL);

    /* a real adapter: it outlives its handle's model, and another model refuses it */
    eoonnx_adapter *adapter = eoonnx_adapter_load(model, adapter_path);
    CHECK(adapter != NULL);
    CHECK(eoonnx_run_scene(model, adapter, scene, adapted_map, "{\"overlap\":\"4\",\"blend\":\"none\"}", NULL, NULL, NULL) == EOONNX_OK);
    CHECK(file_exists(adapted_map));
    eoonnx_model *other = eoonnx_model_open(model_path, "{\"device\":\"cpu\",\"threads\":1}");
    CHECK(eoonnx_run_scene(other, adapter, scene, adapted_map, "{\"overwrite\":true}", NULL, NULL, NULL) == EOONNX_FAILED);
    CHECK(strstr(eoonnx_last_error(), adapter_path) != NULL);
    CHECK(eoonnx_model_close(other) == EOONNX_OK);

    /* an array in, an array out, with and without the adapter */
    enum { ROWS = 20, COLUMNS = 30 };
    float pixels[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) pixels[i] = (float)i;
    const char *image = "{\"type\":\"float32\",\"bands\":1,\"height\":20,\"width\":30,\"projection\":\"EPSG:32633\",\"transform\":[300000,10,0,5000000,0,-10],\"bandNames\":[\"B01\"]}";
    float *plain = NULL, *shifted = NULL;
    char *plain_json = NULL;
    progress_state counted = {0};
    CHECK(eoonnx_run_array(model, NULL, pixels, sizeof pixels, image, "{\"overlap\":\"0\"}", count_progress, &counted, (void **)&plain, &plain_json, &report) == EOONNX_OK);
    CHECK(counted.calls > 1 && counted.tiles == counted.tile_count);
    CHECK(plain_json != NULL && strstr(plain_json, "\"float32\"") != NULL && strstr(plain_json, "\"height\":20") != NULL && strstr(plain_json, "\"transform\":[300000,10") != NULL);
    CHECK(report != NULL && strstr(report, "\"predicted\"") != NULL);
    CHECK(eoonnx_run_array(model, adapter, pixels, sizeof pixels, image, "{\"overlap\":\"0\"}", NULL, NULL, (void **)&shifted, NULL, NULL) == EOONNX_OK);
    int wrong = 0;
    for (int i = 0; plain && shifted && i < ROWS * COLUMNS; i++) wrong += plain[i] != 2 * pixels[i] || shifted[i] != 2 * pixels[i] + 5;
    CHECK(plain != NULL && shifted != NULL && wrong == 0);
    eoonnx_array_free(plain);
    eoonnx_array_free(shifted);
    eoonnx_array_free(NULL);
    eoonnx_string_free(plain_json);
    eoonnx_string_free(report);
    void *none = pixels;
    CHECK(eoonnx_run_array(model, NULL, pixels, sizeof pixels - 4, image, NULL, NULL, NULL, &none, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(none == NULL && strstr(eoonnx_last_error(), "2396 bytes") != NULL);
    CHECK(eoonnx_run_array(model, NULL, NULL, sizeof pixels, image, NULL, NULL, NULL, &none, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(eoonnx_run_array(model, NULL, pixels, sizeof pixels, "{\"type\":\"complex\"}", NULL, NULL, NULL, &none, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(eoonnx_run_array(model, NULL, pixels, sizeof pixels, NULL, NULL, NULL, NULL, &none, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    CHECK(eoonnx_run_array(model, NULL, pixels, sizeof pixels, image, NULL, NULL, NULL, NULL, NULL, NULL) == EOONNX_INVALID_ARGUMENT);
    progress_state hasty = {0};
    hasty.stop_after = 1;
    CHECK(eoonnx_run_array(model, NULL, pixels, sizeof pixels, image, NULL, count_progress, &hasty, &none, NULL, NULL) == EOONNX_CANCELLED);
    CHECK(none == NULL);
    CHECK(eoonnx_adapter_close(adapter) == EOONNX_OK);
    CHECK(eoonnx_run_array(model, adapter, pixels, sizeof pixels, image, NULL, NULL, NULL, &none, NULL, NULL) == EOONNX_INVALID_HANDLE);

    /* cancelled from the callback */
    progress_state impatient = {0};
    impatient.stop_after = 2;
    CHECK(eoonnx_run_scene(model, NULL, big_scene, big_map, NULL, count_progress, &impatient, &report) == EOONNX_CANCELLED);
    CHECK(impatient.calls == 2 && impatient.tiles < impatient.tile_count && report == NULL);
    CHECK(!file_exists(big_map));

    /* handles after their end, of another kind, and invented ones */
    CHECK(eoonnx_run_scene(model, (eoonnx_adapter *)model, scene, map, "{\"overwrite\":true}", NULL, NULL, NULL) == EOONNX_INVALID_HANDLE);
    CHECK(eoonnx_model_close(model) == EOONNX_OK);
    CHECK(eoonnx_model_close(model) == EOONNX_INVALID_HANDLE);
    CHECK(eoonnx_run_scene(model, NULL, scene, map, "{\"overwrite\":true}", NULL, NULL, NULL) == EOONNX_INVALID_HANDLE);
    CHECK(strstr(eoonnx_last_error(), "closed") != NULL);
    CHECK(eoonnx_model_manifest(model) == NULL);
    CHECK(eoonnx_adapter_load(model, "x") == NULL);
    CHECK(eoonnx_adapter_close((eoonnx_adapter *)4711) == EOONNX_INVALID_HANDLE);
    CHECK(eoonnx_model_close(NULL) == EOONNX_INVALID_HANDLE);

    printf("%d failures\n", failures);
    return failures != 0;
}
