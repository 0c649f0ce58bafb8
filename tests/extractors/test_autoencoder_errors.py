"""The autoencoder's numbers against slow, obvious twins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from driftcli.extractors import _errors, _pca
from tests.extractors._autoencoder_cases import QUICK, RUNTIME, photos


def test_pca_equals_a_singular_value_decomposition():
    """Directions and codes agree with numpy's SVD of the centred matrix."""
    rows = np.random.default_rng(0).normal(size=(40, 5)) @ np.random.default_rng(1).normal(size=(5, 90))
    rows = (rows + 0.01 * np.random.default_rng(2).normal(size=rows.shape)).astype(np.float32)
    mean, directions = _pca.fit(rows, 5, 0)
    _, _, expected = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    assert directions.shape == (5, 90)
    np.testing.assert_allclose(np.abs((directions * expected[:5]).sum(1)), 1, atol=1e-4)
    np.testing.assert_allclose(_pca.project(rows, mean, directions), (rows - mean) @ directions.T, atol=1e-3)


def test_pca_of_identical_images_is_finite():
    """A set without variance has zero directions, not NaN."""
    settings = replace(QUICK, architecture="pca")
    images = np.repeat(photos(1), 24, axis=0)
    state = settings.fit(images, 0, RUNTIME)
    assert np.isfinite(settings.extract(state, photos(3, seed=1), RUNTIME)["error"]).all()


def slow_ssim(x, y):
    values = []
    for channel in range(x.shape[2]):
        for top in range(x.shape[0] - 6):
            for left in range(x.shape[1] - 6):
                a = x[top : top + 7, left : left + 7, channel].ravel()
                b = y[top : top + 7, left : left + 7, channel].ravel()
                both = ((a - a.mean()) * (b - b.mean())).mean()
                values.append(
                    (2 * a.mean() * b.mean() + 0.01**2)
                    * (2 * both + 0.03**2)
                    / ((a.mean() ** 2 + b.mean() ** 2 + 0.01**2) * (a.var() + b.var() + 0.03**2))
                )
    return np.mean(values)


def test_ssim_equals_its_definition():
    """Sums of rows and columns give the mean over every 7 x 7 window, and 1 for equal images."""
    x, y = np.random.default_rng(0).random((2, 3, 15, 17, 2))
    first = [np.moveaxis(images, 3, 1) for images in (x, y)]
    expected = [slow_ssim(a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(_errors.ssim(*first), expected, rtol=1e-9)
    np.testing.assert_allclose(_errors.ssim(first[0], first[0]), 1)


def test_scores_equal_their_definitions():
    """Each column but grain, written out for one image."""
    images = photos(4, side=34)
    output = np.random.default_rng(1).random(images.shape).astype(np.float32)
    found = _errors.scores(images, output, "mse")
    for row, image, made in zip(found, images / 255, output.astype(float), strict=True):
        residual = image - made
        half = residual.reshape(17, 2, 17, 2, 3).mean((1, 3))
        quarter = half[:16, :16].reshape(8, 2, 8, 2, 3).mean((1, 3))
        energy = (np.diff(image, axis=0) ** 2).mean() + (np.diff(image, axis=1) ** 2).mean()
        floor = 1 / (12 * 255**2)
        mse = (residual**2).mean()
        expected = [mse, *np.log([mse + floor, (half**2).mean() + floor, (quarter**2).mean() + floor])]
        expected += [np.log(1 - slow_ssim(image, made) + 1e-6), np.log((mse + floor) / (energy + floor))]
        np.testing.assert_allclose(row[:6], expected, rtol=1e-9)


def test_grain_sees_noise_and_compression_whatever_the_scene():
    """White noise has far more grain than a smooth scene; half of the colour's size has less."""
    rng = np.random.default_rng(0)
    fine, coarse = rng.normal(size=(3, 3, 32, 32)), rng.normal(size=(3, 3, 16, 16)).repeat(2, 2).repeat(2, 3)
    ratio = [_errors.grain(x, _errors._halved(x)) for x in (fine, 10 * fine, coarse)]
    np.testing.assert_allclose(ratio[0], np.log(4), atol=0.2)  # averaging four quarters the variance
    np.testing.assert_allclose(ratio[0], ratio[1], atol=1e-3)
    assert max(ratio[2]) < min(ratio[0]) - 0.5


def test_grey_images_have_no_colour_grain():
    """`columns` names what `extract` returns, for one channel and for three."""
    for channels, width in ((1, 8), (3, 9)):
        settings = replace(QUICK, channels=channels, architecture="pca")
        images = photos(30, channels=channels)
        found = settings.extract(settings.fit(images, 0, RUNTIME), images, RUNTIME)["error"]
        assert found.shape[1] == len(settings.columns("error")) == width


def test_distance_is_mahalanobis():
    """The distance column is the log of the Mahalanobis distance."""
    rng = np.random.default_rng(0)
    code = (rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6))).astype(np.float32)
    mean, covariance = _errors.shrunk_covariance(code)
    np.testing.assert_allclose(covariance, np.cov(code.T, bias=True), atol=0.25)
    found = _errors.distances(code, mean, np.linalg.inv(covariance))
    expected = [
        np.log(np.sqrt((c - mean) @ np.linalg.solve(covariance, c - mean))) for c in code.astype(float)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_few_codes_still_give_an_invertible_covariance():
    """Fewer images than numbers in the code: shrinkage makes the covariance positive definite."""
    code = np.random.default_rng(0).normal(size=(5, 30)).astype(np.float32)
    assert np.linalg.eigvalsh(_errors.shrunk_covariance(code)[1]).min() > 0.1
    assert np.linalg.eigvalsh(_errors.shrunk_covariance(np.zeros((5, 3), np.float32))[1]).min() > 0
