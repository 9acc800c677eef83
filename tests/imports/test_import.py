# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What `import nuwa_hf` imports, and that transformers and diffusers know us whatever is imported first."""

import ast
import inspect
import json
import pickle
import subprocess
import sys
from importlib import import_module, reload

import pytest

import nuwa_hf
import nuwa_hf.pipelines
from nuwa_hf.imports import registration


SLOW_TO_IMPORT = ["torch", "numpy", "PIL", "av", "requests", "huggingface_hub", "transformers", "diffusers"]
WHAT_IS_IMPORTED = f"import sys; print([name for name in {SLOW_TO_IMPORT} if name in sys.modules])"
# What `model_type`, configuration, class names and tokenizer of the embedded checkpoint become.
LOAD_ALL = """
import json, sys
import nuwa_hf
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, AutoTokenizer
folder = nuwa_hf.DEMO_CHECKPOINT
config = AutoConfig.from_pretrained(folder / "transformer")
early = ["nuwa_hf.modeling.modeling_nuwa" in sys.modules]
loaded = [config, AutoTokenizer.from_pretrained(folder / "tokenizer")]
loaded += [AutoModel.from_config(config), AutoModelForSeq2SeqLM.from_pretrained(folder / "transformer")]
from diffusers import AutoModel, DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained(folder)
loaded += [pipeline, pipeline.vqgan, pipeline.transformer, pipeline.tokenizer]
loaded.append(AutoModel.from_pretrained(str(folder), subfolder="vqgan"))
print(json.dumps([early, [type(one).__name__ for one in loaded]]))
"""
# A module of ours that cannot be imported shows when it is used, not in an import of transformers.
BROKEN = """
import sys
sys.modules["nuwa_hf.modeling.configuration_nuwa"] = None
import nuwa_hf
from transformers import AutoConfig, AutoModel, AutoTokenizer
from diffusers import DiffusionPipeline
try:
    AutoConfig.from_pretrained(nuwa_hf.DEMO_CHECKPOINT / "transformer")
except ImportError as error:
    assert "nuwa_hf.modeling.configuration_nuwa" in str(error)
else:
    raise AssertionError("a broken module was used")
del sys.modules["nuwa_hf.modeling.configuration_nuwa"]
"""
LOADED = [
    "NuwaConfig",
    "NuwaTokenizer",
    "NuwaModel",
    "NuwaForConditionalGeneration",
    "NuwaTextToVideoPipeline",
    "NuwaVQGAN",
    "NuwaForConditionalGeneration",
    "NuwaTokenizer",
    "NuwaVQGAN",
]


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_import_costs_nothing_slow_and_threads_register_once():
    threads = (
        "from threading import Thread\nthreads = [Thread(target=__import__, args=['nuwa_hf']) for _ in range(8)]\n"
    )
    threads += "[one.start() for one in threads]\n[one.join() for one in threads]\n"
    count = "print(sum(type(one).__name__ == 'AfterImport' for one in sys.meta_path))"
    assert run(f"import sys\n{threads}import nuwa_hf\n{count}") == "1"
    assert run(f"import nuwa_hf, nuwa_hf.pipelines; dir(nuwa_hf)\n{WHAT_IS_IMPORTED}") == "[]"


def test_help_costs_nothing_slow():
    code = "from nuwa_hf.cli import main\ntry:\n    main(['text-to-video', '--help'])\nexcept SystemExit:\n    pass\n"
    assert run(code + WHAT_IS_IMPORTED) == "[]"


@pytest.mark.parametrize(
    "first",
    [
        # An installation of ours that is broken, until it is mended: transformers can be imported all the same.
        pytest.param(BROKEN, marks=pytest.mark.processes),
        pytest.param("import nuwa_hf", marks=pytest.mark.slow),
        # Each of these once led to the import of our configuration at a time when it could not be imported.
        pytest.param("import nuwa_hf; from transformers import CLIPTextConfig", marks=pytest.mark.slow),
        pytest.param("import nuwa_hf; from transformers import AutoModel", marks=pytest.mark.slow),
        pytest.param("import nuwa_hf; nuwa_hf.NuwaConfig", marks=pytest.mark.slow),
        pytest.param("import nuwa_hf, transformers.modeling_layers", marks=pytest.mark.slow),
        pytest.param("import transformers, diffusers", marks=pytest.mark.slow),
        pytest.param("from transformers import AutoModel, AutoTokenizer", marks=pytest.mark.slow),
        pytest.param("from diffusers import DiffusionPipeline", marks=pytest.mark.slow),
    ],
)
def test_our_classes_are_known_whatever_is_imported_first(first):
    early, loaded = json.loads(run(f"{first}\n{LOAD_ALL}"))
    assert early == [False]  # the models are imported when an Auto class meets the configuration
    assert loaded == LOADED


@pytest.mark.parametrize("package", [nuwa_hf, nuwa_hf.pipelines], ids=lambda package: package.__name__)
def test_every_public_name_is_there_and_can_be_pickled(package):
    for name in package.__all__:
        assert name in dir(package)
        found = getattr(package, name)
        if inspect.isclass(found):
            assert pickle.loads(pickle.dumps(found)) is found
    names = {}
    exec(f"from {package.__name__} import *", names)
    assert set(package.__all__) <= names.keys()
    with pytest.raises(AttributeError, match="no attribute 'Nuwa3'"):
        _ = package.Nuwa3


@pytest.mark.parametrize("package", [nuwa_hf, nuwa_hf.pipelines], ids=lambda package: package.__name__)
def test_type_checkers_read_the_names_that_are_imported_when_asked_for(package):
    tree = ast.parse(inspect.getsource(package))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and node.test.id == "TYPE_CHECKING"]
    (table,) = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    homes = ast.literal_eval(table)
    read = {alias.name: node.module for node in block.body for alias in node.names}
    assert read == {name: home.removesuffix(f".{name}") for name, home in homes.items()}
    assert set(package.__all__) == {name for name in (*vars(package), *homes) if name in package.__all__}


def test_classes_of_the_package_are_those_of_their_modules():
    assert nuwa_hf.pipelines.NuwaPipelineBase is nuwa_hf.NuwaPipelineBase
    assert nuwa_hf.NuwaModel is import_module("nuwa_hf.modeling.modeling_nuwa").NuwaModel
    assert nuwa_hf.modeling is import_module("nuwa_hf.modeling")


def test_registration_can_be_repeated():
    from diffusers.pipelines.pipeline_loading_utils import LOADABLE_CLASSES
    from diffusers.utils.constants import TRANSFORMERS_COMPONENT_AUX_FILES

    diffusers = sys.modules["diffusers"]
    assert nuwa_hf.NuwaModel
    before = dict(LOADABLE_CLASSES["nuwa_hf"]), list(TRANSFORMERS_COMPONENT_AUX_FILES), diffusers.__getattr__
    finders = list(sys.meta_path)
    reload(nuwa_hf)
    registration.AFTER_IMPORT.install()
    assert before == (LOADABLE_CLASSES["nuwa_hf"], TRANSFORMERS_COMPONENT_AUX_FILES, diffusers.__getattr__)
    assert sys.meta_path == finders
    assert before[1].count(registration.SAMPLING_SETTINGS) == 1


def test_diffusers_finds_our_names_and_its_own_and_no_others():
    import diffusers

    assert diffusers.NuwaTextToVideoPipeline is nuwa_hf.NuwaTextToVideoPipeline
    assert diffusers.DDIMScheduler.__name__ == "DDIMScheduler"
    with pytest.raises(AttributeError, match="Nuwa3"):
        _ = diffusers.Nuwa3


# transformers and diffusers are imported first: neither can itself be imported by two threads at once.
THREADS = """
import sys, threading
import transformers, diffusers
import nuwa_hf
sys.setswitchinterval(1e-4)
lines = [
    "transformers.AutoModel", "transformers.AutoTokenizer", "transformers.AutoConfig", "diffusers.DiffusionPipeline",
    "nuwa_hf.NuwaConfig", "nuwa_hf.NuwaTokenizer", "nuwa_hf.NuwaModel", "nuwa_hf.NuwaTextToVideoPipeline",
]
barrier = threading.Barrier(len(lines))
def ask(line):
    barrier.wait()
    eval(line)
threads = [threading.Thread(target=ask, args=(line,)) for line in lines]
[one.start() for one in threads]
[one.join() for one in threads]
"""


@pytest.mark.processes
@pytest.mark.parametrize("repetition", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 6))])
def test_our_classes_are_known_when_threads_ask_for_all_of_them_at_once(repetition):
    code = f"{THREADS}\n{LOAD_ALL}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[True], LOADED]
